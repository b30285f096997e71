import type { NewAnomaly } from '../../anomalies/core/anomaly.js';
import { WindowDeltas } from '../../aggregation/core/window-deltas.js';
import { emptyLedger } from './ledger.js';

/** All that one partition has added between two offsets of its log; a flush stores it whole or not at all. */
export class PartitionDelta {
  readonly windows = new WindowDeltas();
  readonly anomalies: NewAnomaly[] = [];
  readonly ledger = emptyLedger();
  /** Bytes of the anomalies' records held here. */
  anomalyBytes = 0;
  /** Newest accepted event time, epoch microseconds; null when none was accepted up to `to`. */
  newestEventTime: number | null;
  /** The offset behind the last record without a timestamp; null when all had one. */
  untimedUntil: bigint | null = null;
  /** The offset to read next. */
  to: bigint;

  constructor(
    readonly from: bigint,
    newestEventTime: number | null,
  ) {
    this.to = from;
    this.newestEventTime = newestEventTime;
  }

  get isEmpty(): boolean {
    return this.to === this.from;
  }
}
