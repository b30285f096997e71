import type { WindowDelta } from '../../aggregation/core/window-deltas.js';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS, type WindowSpec } from '../../aggregation/core/window-spec.js';

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
   * True for an anomaly that belongs to it: when all windows of its event lie in it, or its record does where the event has
   * no valid time. An event that also counts in a window outside must not become an anomaly here: it still counts there.
   * @param eventTime epoch microseconds
   * @param recordTimestamp epoch milliseconds
   */
  covers(eventTime: number | null, recordTimestamp: number | null): boolean {
    if (eventTime === null)
      return recordTimestamp !== null && recordTimestamp >= this.from && recordTimestamp < this.to;
    const millis = Math.floor(eventTime / 1000);
    return [EVENT_TYPE_WINDOWS, REGION_WINDOWS].every((spec) => {
      const windowStart = spec.startOf(millis);
      return this.holds({ windowStart, windowEnd: spec.endOf(windowStart) });
    });
  }
}
