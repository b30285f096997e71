import { ID_WORDS, IdJournal, type IdChunk } from './id-journal.js';
import { IdSegment, UNKNOWN } from './id-segment.js';

/** Parts of the window, each forgotten as a whole; an id is looked for in every one of them. */
const SEGMENTS = 4;

/**
 * The ids that one partition has had within the last stretch of its event time. An id is stamped with the newest event time that
 * the partition knows once it has come, each time it comes. That never goes back, and what was before the window does not matter:
 * what is known is a function of so much of the log, wherever the reading of it began.
 */
export class RecentIds {
  /** Milliseconds. */
  private readonly segmentLength: number;
  /** The oldest first. */
  private segments: IdSegment[] = [];
  private readonly journal = new IdJournal();
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
    this.segmentLength = Math.ceil(window / SEGMENTS);
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

  /** Whether the id came within the window before now. @param now epoch milliseconds of event time */
  has(high: number, low: number, now: number): boolean {
    for (let i = this.segments.length - 1; i >= 0; i--) {
      const segment = this.segments[i];
      const stamp = segment?.stampAt(segment.placeOf(high, low)) ?? UNKNOWN;
      if (stamp !== UNKNOWN) return now - stamp <= this.window;
    }
    return false;
  }

  /** Remembers an id. @param stamp newest event time of the partition, epoch milliseconds; no smaller than in any call before */
  add(high: number, low: number, stamp: number): void {
    this.journal.add(this.seq, high, low, stamp);
    this.put(high, low, stamp);
  }

  /** What was added since the last time, to be restored later; null when nothing was. */
  drain(): IdChunk | null {
    return this.journal.drain(this.firstSeq);
  }

  /** Takes back in what was drained, chunk by chunk. @param firstSeq that of the last chunk */
  restore({ seq, since, ids }: IdChunk, firstSeq: number): void {
    const forgotten = Math.max(0, firstSeq - seq);
    this.seq = seq + forgotten;
    for (let at = forgotten * ID_WORDS; at < ids.length; at += ID_WORDS)
      this.put(ids[at] ?? 0, ids[at + 1] ?? 0, since + (ids[at + 2] ?? 0));
  }

  private get firstSeq(): number {
    return this.segments[0]?.seq ?? this.seq;
  }

  private put(high: number, low: number, stamp: number): void {
    const newest = this.segmentAt(stamp);
    newest.put(newest.placeOf(high, low), high, low, stamp);
    this.seq++;
    if (this.seq - this.firstSeq > this.most) this.segments.shift();
  }

  /** The newest segment; begins another one, and forgets what is too old, when event time has left it. */
  private segmentAt(now: number): IdSegment {
    const newest = this.segments[this.segments.length - 1];
    if (newest !== undefined && now < newest.until) return newest;
    const since = Math.floor(now / this.segmentLength) * this.segmentLength;
    const segment = new IdSegment(since, since + this.segmentLength, this.seq);
    this.segments = [...this.segments.filter(({ until }) => until > now - this.window), segment];
    return segment;
  }
}
