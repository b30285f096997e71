import type { WindowDelta } from '../../aggregation/core/window-deltas.js';

/** What windows have gained, by window and key, of the first so many in order of time; memory holds no more of them. */
export class FirstWindows {
  private sums = new Map<string, WindowDelta>();
  /** Windows behind this one are not among the first any more. */
  private last: string | null = null;

  constructor(private readonly limit: number) {}

  add(delta: WindowDelta): void {
    const key = keyOf(delta);
    if (this.last !== null && key > this.last) return;
    const sum = this.sums.get(key);
    this.sums.set(key, sum ? plus(sum, delta) : delta);
    if (this.sums.size >= 2 * this.limit) this.cut();
  }

  /** In order of time, type and key. */
  list(): WindowDelta[] {
    this.cut();
    return [...this.sums.values()];
  }

  private cut(): void {
    const first = [...this.sums].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, this.limit);
    this.sums = new Map(first);
    if (first.length === this.limit) this.last = first.at(-1)?.[0] ?? null;
  }
}

// Instants from 1999 to the year 10000 have 12 to 15 digits.
const keyOf = ({ windowStart, metricType, metricKey }: WindowDelta): string =>
  `${String(windowStart).padStart(15, '0')} ${metricType} ${metricKey}`;

const plus = (a: WindowDelta, b: WindowDelta): WindowDelta => ({
  ...a,
  eventCount: a.eventCount + b.eventCount,
  lateEvents: a.lateEvents + b.lateEvents,
  sumMicros: a.sumMicros + b.sumMicros,
});
