import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { isAlarming, MIN_EVENTS, type RecentOutcomes } from './core/recent-outcomes.js';
import type { OwnedPartition } from './owned-partition.js';

/** Says so when a partition's producers have gone bad, and when they are well again; ingestion goes on either way. */
@Injectable()
export class ProducerFuse {
  private readonly logger = new Logger('Fuse');
  /** Partitions that the log has been told of. */
  private readonly alarmed = new WeakSet<OwnedPartition>();

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** @returns how the partition's last events came out; null when there were too few since it was taken over */
  look(owned: OwnedPartition): RecentOutcomes | null {
    const outcomes = owned.outcomes.recent();
    const alarming = isAlarming(outcomes, this.config.ANOMALY_ALERT_RATIO);
    if (alarming && !this.alarmed.has(owned)) {
      this.alarmed.add(owned);
      this.logger.warn(
        `Partition ${owned.partition}: ${percent(outcomes)} % of its last ${outcomes.events} events are invalid, most of them ${outcomes.leadingReason ?? ''}: is a producer broken? See GET /anomalies`,
      );
    } else if (!alarming && this.alarmed.delete(owned)) {
      this.logger.log(
        `Partition ${owned.partition}: ${percent(outcomes)} % of its last events are invalid, which is fine again`,
      );
    }
    return outcomes.events >= MIN_EVENTS ? outcomes : null;
  }
}

const percent = ({ invalid, events }: RecentOutcomes): number =>
  Math.round((invalid / Math.max(1, events)) * 100);
