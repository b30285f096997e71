import { WindowSpec } from './window-spec.js';

/** What one window of one key has gained. */
export interface WindowDelta {
  readonly metricType: string;
  readonly metricKey: string;
  /** Epoch milliseconds. */
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly eventCount: number;
  readonly lateEvents: number;
  /** Sum of the measured quantity in micro-units; an integer, so that the order of adding never shows. */
  readonly sumMicros: bigint;
}

/** One event's quantity is at most 1e15 micro-units, so sums below this stay exact in a double when one is added. */
const EXACT_LIMIT = 2 ** 52;

/** Not windows of metrics; days are aligned like them. */
const DAYS = new WindowSpec('day', 86_400_000);

class Sums {
  count = 0;
  late = 0;
  micros = 0;
  /** What no longer fits `micros` exactly. */
  carry = 0n;

  add(micros: number, late: boolean): void {
    this.count++;
    if (late) this.late++;
    this.micros += micros;
    if (this.micros >= EXACT_LIMIT) {
      this.carry += BigInt(this.micros);
      this.micros = 0;
    }
  }

  merge(other: Sums): void {
    this.count += other.count;
    this.late += other.late;
    this.carry += other.carry + BigInt(this.micros) + BigInt(other.micros);
    this.micros = 0;
  }
}

type SumsByKey = Map<string, Sums>;

class Windows extends Map<number, SumsByKey> {
  private lastStart = NaN;
  private last: SumsByKey = new Map();

  /** Most events fall into the window of the one before: numbers of this size are slow keys. */
  at(start: number): SumsByKey {
    if (start === this.lastStart) return this.last;
    let keys = this.get(start);
    if (!keys) this.set(start, (keys = new Map<string, Sums>()));
    this.lastStart = start;
    return (this.last = keys);
  }
}

/** Additive deltas of windows, by spec, window and key. Merging in any order and grouping gives the same. */
export class WindowDeltas {
  private readonly specs = new Map<WindowSpec, Windows>();

  /**
   * @param windowStart epoch milliseconds, as `spec.startOf` gives it
   * @param micros integer from 0 to 1e15
   */
  add(spec: WindowSpec, windowStart: number, key: string, micros: number, late: boolean): void {
    this.sums(spec, windowStart, key).add(micros, late);
  }

  merge(other: WindowDeltas): void {
    for (const [spec, windows] of other.specs)
      for (const [start, keys] of windows)
        for (const [key, sums] of keys) this.sums(spec, start, key).merge(sums);
  }

  *[Symbol.iterator](): Generator<WindowDelta> {
    for (const [spec, windows] of this.specs)
      for (const [windowStart, keys] of windows)
        for (const [metricKey, sums] of keys)
          yield {
            metricType: spec.metricType,
            metricKey,
            windowStart,
            windowEnd: spec.endOf(windowStart),
            eventCount: sums.count,
            lateEvents: sums.late,
            sumMicros: sums.carry + BigInt(sums.micros),
          };
  }

  /** The UTC days of the windows, as their first instants in epoch milliseconds; a window lies in one day. */
  days(): Set<number> {
    const days = new Set<number>();
    for (const windows of this.specs.values())
      for (const start of windows.keys()) days.add(DAYS.startOf(start));
    return days;
  }

  private sums(spec: WindowSpec, windowStart: number, key: string): Sums {
    let windows = this.specs.get(spec);
    if (!windows) this.specs.set(spec, (windows = new Windows()));
    const keys = windows.at(windowStart);
    let sums = keys.get(key);
    if (!sums) keys.set(key, (sums = new Sums()));
    return sums;
  }
}
