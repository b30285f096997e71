/** Where a partition is being read. */
export class Place {
  /** The offset to hand over next; null until it is sought. */
  position: bigint | null = null;
  /** The log that it is a place in; empty until it is sought. */
  logId = '';
  /** The offset to fetch next: ahead of the position while records are on their way. */
  fetchNext = 0n;
  /** Counts seeks and pauses, which make void what was fetched before. */
  version = 0;
  paused = false;
  /** Nothing from this offset on is handed over; null without such an end. */
  until: bigint | null = null;
  /** Epoch milliseconds before which it is not asked for again. */
  private restsUntil = 0;

  constructor(readonly partition: number) {}

  isDue(now: number): boolean {
    const atEnd = this.until !== null && this.fetchNext >= this.until;
    return this.position !== null && !this.paused && !atEnd && now >= this.restsUntil;
  }

  /** Not asked for again before this instant (epoch milliseconds). */
  restUntil(instant: number): void {
    this.restsUntil = instant;
  }

  seek(position: bigint, logId: string): void {
    this.logId = logId;
    this.restart(position);
  }

  restart(position: bigint | null): void {
    this.version++;
    this.restsUntil = 0;
    this.position = position;
    this.fetchNext = position ?? 0n;
  }
}
