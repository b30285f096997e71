import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { WindowDeltas } from '../aggregation/core/window-deltas.js';
import { MetricsRepository } from '../aggregation/metrics.repository.js';
import { StatDaysRepository } from '../aggregation/stat-days.repository.js';
import { CONFIG, type Config } from '../config/config.js';
import { dateLiteral } from '../database/instant.js';
import { AnomalyStatesRepository, type AnomalyAct, type LockedAnomaly } from './anomaly-states.repository.js';
import { amend } from './core/amendment.js';
import { judgeReplay } from './core/replay-verdict.js';

/** A locked anomaly of status `new`, and the event to count in its place; null for its own record. */
export interface ReplayItem {
  readonly anomaly: LockedAnomaly;
  readonly correction: Buffer | null;
}

/**
 * The exactly-once step of a replay, within the transaction that holds the anomalies' locks: windows, the days they change, and
 * what became of each anomaly are stored together or not at all.
 */
@Injectable()
export class ReplayChunk {
  constructor(
    private readonly metrics: MetricsRepository,
    private readonly days: StatDaysRepository,
    private readonly states: AnomalyStatesRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @param windows gets what the windows gain
   * @returns what became of each item, in their order
   */
  async apply(
    transaction: EntityManager,
    items: readonly ReplayItem[],
    actor: string,
    windows = new WindowDeltas(),
  ): Promise<AnomalyAct[]> {
    const acts = this.judge(items, windows);
    await this.metrics.add(transaction, windows);
    await this.days.changed(transaction, [...windows.days()].map(dateLiteral));
    await this.states.record(transaction, actor, acts);
    return acts;
  }

  /** What would become of each item; nothing is stored. */
  judge(items: readonly ReplayItem[], windows: WindowDeltas): AnomalyAct[] {
    return items.map((item) => this.judgeOne(item, windows));
  }

  private judgeOne({ anomaly, correction }: ReplayItem, windows: WindowDeltas): AnomalyAct {
    const record = { value: correction ?? anomaly.raw, recordTimestamp: anomaly.recordTimestamp };
    const verdict = judgeReplay(record, this.config.MAX_EVENT_BYTES);
    if (verdict.reason !== null) {
      const { reason: outcome, detail } = verdict;
      return { anomaly, action: 'replay', outcome, detail, status: 'new', applied: null };
    }
    amend(verdict, windows);
    return {
      anomaly,
      action: 'replay',
      outcome: 'applied',
      detail: correction && 'with a corrected event',
      status: 'replayed',
      applied: { eventTime: verdict.eventTime, event: correction },
    };
  }
}
