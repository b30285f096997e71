import type { WindowDelta } from '../../aggregation/core/window-deltas.js';
import type { WindowSpec } from '../../aggregation/core/window-spec.js';

/** The time whose windows are rebuilt, `[from, to)` in epoch milliseconds. */
export class RebuildRange {
  constructor(
    readonly from: number,
    readonly to: number,
  ) {}

  /** True for a window that lies in it wholly. */
  holds({ windowStart, windowEnd }: Pick<WindowDelta, 'windowStart' | 'windowEnd'>): boolean {
    return windowStart >= this.from && windowEnd <= this.to;
  }

  /** Whether there is a window of this kind that lies in it wholly. */
  hasWindowOf(spec: WindowSpec): boolean {
    const begun = spec.startOf(this.from);
    const windowStart = begun === this.from ? begun : spec.endOf(begun);
    return this.holds({ windowStart, windowEnd: spec.endOf(windowStart) });
  }

  /**
   * True for an anomaly that belongs to it: by its event, or by its record where that has no valid time.
   * @param eventTime epoch microseconds
   * @param recordTimestamp epoch milliseconds
   */
  covers(eventTime: number | null, recordTimestamp: number | null): boolean {
    const instant = eventTime === null ? recordTimestamp : eventTime / 1000;
    return instant !== null && instant >= this.from && instant < this.to;
  }
}
