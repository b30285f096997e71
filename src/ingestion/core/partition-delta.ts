import type { NewAnomaly } from '../../anomalies/core/anomaly.js';
import { WindowDeltas } from '../../aggregation/core/window-deltas.js';
import { emptyLedger } from './ledger.js';
import type { NewIds, RecentIds } from './recent-ids.js';

/** All that one partition has added between two offsets of its log; a flush stores it whole or not at all. */
export class PartitionDelta {
  readonly windows = new WindowDeltas();
  readonly anomalies: NewAnomaly[] = [];
  readonly ledger = emptyLedger();
  /** Ids that were remembered; known once the delta is complete. */
  newIds: NewIds | null = null;
  /** Bytes of the anomalies' records held here. */
  anomalyBytes = 0;
  /** Newest accepted event time, epoch microseconds; null when none was accepted up to `to`. */
  newestEventTime: number | null;
  /** The offset behind the last record without a timestamp; null when all had one. */
  untimedUntil: bigint | null = null;
  /** The offset to read next. */
  to: bigint;

  /** @param recentIds what is known up to here, shared with the deltas before and after; null when repeats are not looked for */
  constructor(
    readonly from: bigint,
    newestEventTime: number | null,
    readonly recentIds: RecentIds | null = null,
  ) {
    this.to = from;
    this.newestEventTime = newestEventTime;
  }

  get isEmpty(): boolean {
    return this.to === this.from;
  }
}
