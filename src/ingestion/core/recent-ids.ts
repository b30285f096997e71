import { ID_WORDS, IdJournal, type IdChunk, type NewIds } from './id-journal.js';
import { IdTable } from './id-table.js';

/** Parts of the window, and of what memory may hold: what is forgotten early, and what leaves the database, is one of them. */
const PARTS = 16;

/** The largest stamp that the table holds. */
const MAX_STAMP = 0x7fff_ffff;

/** A stretch of event time. */
interface Part {
  /** Epoch milliseconds. */
  readonly since: number;
  readonly until: number;
  /** How many ids were remembered before it. */
  readonly seq: number;
}

/**
 * The ids that one partition has had within the last stretch of its event time. An id is stamped with the newest event time that
 * the partition has had, counted or repeated, each time it comes. That never goes back, and what was before the window does not
 * matter: what is known is a function of so much of the log, wherever the reading of it began.
 */
export class RecentIds {
  /** Milliseconds. */
  private readonly partLength: number;
  /** A part ends with so many ids, so that one of them is little of what memory may hold. */
  private readonly mostInPart: number;
  /** The oldest first. */
  private parts: Part[] = [];
  private table = new IdTable();
  private readonly journal = new IdJournal();
  /** The newest event time so far, epoch milliseconds; never goes back. */
  private clock = -Infinity;
  /** What stamps in the table count from, epoch milliseconds. */
  private origin = -Infinity;
  /** The smallest stamp of an id that is known now; 0 or more. */
  private oldest = 0;
  /** How many ids were ever remembered, each as often as it came. */
  private seq = 0;
  /** Of those, since they were drained. */
  private forgottenEarly = 0;

  /**
   * @param window for how long an id is known, milliseconds of event time
   * @param most how many ids memory may hold; when there are more, the oldest part of the window is forgotten
   */
  constructor(
    private readonly window: number,
    private readonly most: number,
  ) {
    this.partLength = Math.ceil(window / PARTS);
    this.mostInPart = Math.ceil(most / PARTS);
  }

  /** For the configured window; null when repeats are not looked for. */
  static by(config: {
    /** Milliseconds. */
    readonly DEDUPLICATION_WINDOW: number;
    readonly DEDUPLICATION_MAX_IDS: number;
  }): RecentIds | null {
    const { DEDUPLICATION_WINDOW, DEDUPLICATION_MAX_IDS } = config;
    return DEDUPLICATION_WINDOW === 0 ? null : new RecentIds(DEDUPLICATION_WINDOW, DEDUPLICATION_MAX_IDS);
  }

  /** Whether the id came within the window. @param now event time of the partition, epoch milliseconds */
  has(high: number, low: number, now: number): boolean {
    return this.table.find(high, low) >= Math.max(now - this.window - this.origin, this.oldest);
  }

  /** Remembers an id from now on. @returns whether it came within the window before */
  add(high: number, low: number, now: number): boolean {
    if (now > this.clock) this.moveOn(now);
    this.journal.add(this.seq, high, low, this.clock, this.firstSeq);
    return this.put(high, low);
  }

  /** What was added since the last time, to be restored later; null when nothing was. */
  drain(): NewIds | null {
    const chunk = this.journal.drain(this.firstSeq);
    const { forgottenEarly } = this;
    this.forgottenEarly = 0;
    return chunk && { ...chunk, forgottenEarly };
  }

  /** Takes back in what was drained, chunk by chunk. @param firstSeq that of the last chunk */
  restore({ seq, since, ids }: IdChunk, firstSeq: number): void {
    const forgotten = Math.max(0, firstSeq - seq);
    this.seq = seq + forgotten;
    // Also when all are forgotten, time has been there.
    const last = ids[ids.length - 1];
    if (forgotten * ID_WORDS >= ids.length && last !== undefined) this.moveOn(since + last);
    for (let at = forgotten * ID_WORDS; at < ids.length; at += ID_WORDS) {
      const clock = since + (ids[at + 2] ?? 0);
      if (clock > this.clock) this.moveOn(clock);
      this.put(ids[at] ?? 0, ids[at + 1] ?? 0);
    }
  }

  private get firstSeq(): number {
    return this.parts[0]?.seq ?? this.seq;
  }

  private put(high: number, low: number): boolean {
    if (this.parts.length === 0) this.beginPart();
    const { oldest } = this;
    const before = this.table.put(high, low, this.clock - this.origin, oldest);
    this.seq++;
    if (this.seq - this.firstSeq > this.most) this.forgetPart();
    return before >= oldest;
  }

  /** @param clock after that of now */
  private moveOn(clock: number): void {
    this.clock = clock;
    if (clock - this.origin > MAX_STAMP) this.rebase();
    const newest = this.parts[this.parts.length - 1];
    // Only here, as time moves on: so no two parts share a stamp, and what is forgotten is what came before a moment.
    if (newest && (clock >= newest.until || this.seq - newest.seq >= this.mostInPart)) this.beginPart();
    this.setOldest();
  }

  private setOldest(): void {
    this.oldest = Math.max(this.clock - this.window, this.parts[0]?.since ?? this.clock) - this.origin;
  }

  private rebase(): void {
    const origin = this.clock - this.window;
    const by = origin - this.origin;
    this.table.rebase(by, by);
    this.origin = origin;
  }

  private beginPart(): void {
    const { clock, partLength, window } = this;
    const until = (Math.floor(clock / partLength) + 1) * partLength;
    this.parts = this.parts.filter((part) => part.until > clock - window);
    this.parts.push({ since: clock, until, seq: this.seq });
  }

  private forgetPart(): void {
    const before = this.firstSeq;
    this.parts.shift();
    this.forgottenEarly += this.firstSeq - before;
    // All came at the same moment: no stamp tells them from what comes next.
    if (this.parts.length === 0) this.table = new IdTable();
    this.setOldest();
  }
}
