import type { WindowDelta } from '../../aggregation/core/window-deltas.js';
import type { WindowSpec } from '../../aggregation/core/window-spec.js';

/** The time whose windows are rebuilt, `[from, to)` in epoch milliseconds. */
export class RebuildRange {
  constructor(
    readonly from: number,
    readonly to: number,
  ) {}

  /**
   * From instants, which are exact to the microsecond: the first whole millisecond that is not before `from`.
   * @param from `YYYY-MM-DDTHH:MM:SS.ffffffZ`, like `to`
   */
  static between(from: string, to: string): RebuildRange {
    const beyondMillis = !from.endsWith('000Z');
    return new RebuildRange(Date.parse(from) + Number(beyondMillis), Date.parse(to));
  }

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
