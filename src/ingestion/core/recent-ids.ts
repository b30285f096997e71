import { ID_WORDS, IdJournal, type IdChunk } from './id-journal.js';
import { IdTable } from './id-table.js';

/** Parts of the window, each of which leaves the database as a whole; when there are too many ids, memory too. */
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

  /**
   * @param window for how long an id is known, milliseconds of event time
   * @param most how many ids memory may hold; when there are more, the oldest part of the window is forgotten
   */
  constructor(
    private readonly window: number,
    private readonly most: number,
  ) {
    this.partLength = Math.ceil(window / PARTS);
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
    this.journal.add(this.seq, high, low, this.clock);
    return this.put(high, low);
  }

  /** What was added since the last time, to be restored later; null when nothing was. */
  drain(): IdChunk | null {
    return this.journal.drain(this.firstSeq);
  }

  /** Takes back in what was drained, chunk by chunk. @param firstSeq that of the last chunk */
  restore({ seq, since, ids }: IdChunk, firstSeq: number): void {
    const forgotten = Math.max(0, firstSeq - seq);
    this.seq = seq + forgotten;
    for (let at = forgotten * ID_WORDS; at < ids.length; at += ID_WORDS) {
      this.moveOn(since + (ids[at + 2] ?? 0));
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

  private moveOn(clock: number): void {
    this.clock = clock;
    if (clock - this.origin > MAX_STAMP) this.rebase();
    if (clock >= (this.parts[this.parts.length - 1]?.until ?? -Infinity)) this.beginPart();
    this.oldest = Math.max(clock - this.window, this.parts[0]?.since ?? clock) - this.origin;
  }

  private rebase(): void {
    const origin = this.clock - this.window;
    const by = origin - this.origin;
    this.table.rebase(by, by);
    this.origin = origin;
  }

  private beginPart(): void {
    const { clock, partLength, window } = this;
    const since = Math.floor(clock / partLength) * partLength;
    this.parts = this.parts.filter(({ until }) => until > clock - window);
    this.parts.push({ since, until: since + partLength, seq: this.seq });
  }

  private forgetPart(): void {
    this.parts.shift();
    // The next one may begin at the same time as the one that is forgotten.
    if (this.parts.length === 0) this.table = new IdTable();
    else this.moveOn(this.clock);
  }
}
