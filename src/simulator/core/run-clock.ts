/**
 * How long a stall may be made up for, in milliseconds: a log that comes back is not met by a flood. What is older is sent
 * later rather than never; the run takes longer then.
 */
export const MAX_CATCH_UP = 1000;

/** The time of a run: it stands still in a pause, and for what a stall has cost beyond {@link MAX_CATCH_UP}. Epoch milliseconds. */
export class RunClock {
  private last: number;
  private paused = false;

  constructor(private start: number) {
    this.last = start;
  }

  /**
   * Time that has passed since the start of the run, in milliseconds. A clock that is set back does not change it.
   * @param due when the next event is due: time beyond that and {@link MAX_CATCH_UP} has not passed
   */
  elapsed(now: number, due: number): number {
    if (now < this.last || this.paused) this.start += now - this.last;
    this.last = now;
    const stalled = now - this.start - due - MAX_CATCH_UP;
    if (stalled > 0) this.start += stalled;
    return now - this.start;
  }

  pause(now: number): void {
    this.elapsed(now, Number.POSITIVE_INFINITY);
    this.paused = true;
  }

  resume(now: number): void {
    this.elapsed(now, Number.POSITIVE_INFINITY);
    this.paused = false;
  }
}
