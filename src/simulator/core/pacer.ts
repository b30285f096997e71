/**
 * How long a stall may be made up for, in milliseconds: what should have been sent before that is given up, so that a log
 * that comes back is not met by a flood.
 */
export const MAX_CATCH_UP = 1000;

/** Absorbs what binary fractions lose: 4.35 × 1000 / 1000 shall not be 4.349…, one event late. In events. */
const EPSILON = 1e-6;

/**
 * Says how many events are due for a steady rate. Event n of a run is due n / rate after its start; counting from the start
 * rather than from the last tick keeps the rate free of drift, whatever the ticks.
 *
 * Instants are epoch milliseconds. A clock set back does not change the count; one that jumps ahead is a stall.
 */
export class Pacer {
  /** Events taken or given up so far. */
  private passed = 0;
  private last: number;

  /**
   * @param eventsPerSecond above 0
   * @param duration milliseconds after which no more events become due
   */
  constructor(
    private readonly eventsPerSecond: number,
    private start: number,
    private readonly duration = Number.POSITIVE_INFINITY,
  ) {
    this.last = start;
  }

  /** Events that are due and not taken yet; gives up those that a stall made older than {@link MAX_CATCH_UP}. */
  due(now: number): number {
    if (now < this.last) this.start -= this.last - now;
    this.last = now;
    const elapsed = now - this.start;
    this.passed = Math.max(this.passed, this.count(elapsed - MAX_CATCH_UP));
    return this.count(elapsed) - this.passed;
  }

  /** Takes an event that is due and tells since when: epoch milliseconds with a fraction, not after the last `due`. */
  take(): number {
    this.passed += 1;
    return Math.min(this.dueAt(this.passed), this.last);
  }

  /** When there will be something to do: the next event becomes due, or the duration is over. Epoch milliseconds. */
  nextAt(): number {
    return Math.min(this.dueAt(this.passed + 1), this.start + this.duration);
  }

  /** True once the duration is over, at the time of the last `due`; events may still be due. */
  isOver(): boolean {
    return this.last - this.start >= this.duration;
  }

  /** Events that become due within this time from the start, in milliseconds. */
  private count(elapsed: number): number {
    const time = Math.min(elapsed, this.duration);
    return Math.max(0, Math.floor((time * this.eventsPerSecond) / 1000 + EPSILON));
  }

  private dueAt(event: number): number {
    return this.start + (event * 1000) / this.eventsPerSecond;
  }
}
