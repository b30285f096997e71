import { IdIndex } from './id-index.js';
import { ID_WORDS, IdLog, type IdChunk } from './id-log.js';
import { IDS_AT_ONCE, UNKNOWN } from './id-slots.js';

/** What was remembered between two flushes. */
export interface NewIds {
  /** One after the other; those that are forgotten already are left out. Views: they show the same until {@link RecentIds.stored}. */
  readonly chunks: readonly IdChunk[];
  /** The ids that were remembered before this one are forgotten. */
  readonly firstSeq: number;
  /** How many ids within the window were forgotten meanwhile, as there were too many. */
  readonly forgottenEarly: number;
}

/**
 * The ids that one partition has had within the last stretch of its event time. An id is stamped with the newest event time that
 * the partition has had, counted or repeated, each time it comes. That never goes back, and what was before the window does not
 * matter: what is known is a function of so much of the log, wherever the reading of it began.
 */
export class RecentIds {
  private readonly log = new IdLog();
  private readonly index: IdIndex;
  /** The newest event time so far, epoch milliseconds; never goes back. */
  private clock = -Infinity;
  /** The ids before this one were drained. */
  private drained = 0;
  /** How many, since they were drained. */
  private forgottenEarly = 0;

  /**
   * @param window for how long an id is known, milliseconds of event time; less than 2^31
   * @param most how many ids memory may hold, each as often as it came; where there are more, the oldest are forgotten
   */
  constructor(
    private readonly window: number,
    private readonly most: number,
  ) {
    this.index = new IdIndex(this.log, most);
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

  /** See {@link IdIndex.expect}. */
  expect(highs: Int32Array, count: number): void {
    this.index.expect(highs, count);
  }

  /** Whether the id came within the window. @param now event time of the partition, epoch milliseconds */
  has(high: number, low: number, now: number): boolean {
    const seq = this.index.find(high, low);
    return seq !== UNKNOWN && this.log.stampOf(seq) >= now - this.window;
  }

  /** Remembers an id from now on. @returns whether it came within the window before */
  add(high: number, low: number, now: number): boolean {
    if (now > this.clock) {
      this.clock = now;
      this.log.forgetBefore(now - this.window);
    }
    const before = this.index.put(high, low);
    this.log.append(high, low, this.clock);
    this.forgottenEarly += this.log.keep(this.most);
    return before !== UNKNOWN;
  }

  /** What was added since the last time, to be restored later; null when nothing was. */
  drain(): NewIds | null {
    const { from, until } = this.log;
    if (this.drained === until) return null;
    const { forgottenEarly } = this;
    this.forgottenEarly = 0;
    const chunks = this.log.runs(Math.max(this.drained, from));
    this.drained = until;
    return { chunks, firstSeq: from, forgottenEarly };
  }

  /** Nobody looks at what was drained any more. */
  stored(): void {
    this.log.release(this.drained);
  }

  /** Takes back in what was drained, chunk by chunk. @param firstSeq as it was drained last */
  restore({ seq, since, ids }: IdChunk, firstSeq: number): void {
    const forgotten = Math.max(0, firstSeq - seq);
    let at = forgotten * ID_WORDS;
    if (at >= ids.length) return;
    // Those between were forgotten before they were drained.
    if (seq + forgotten !== this.log.until) this.log.startAt(seq + forgotten);
    while (at < ids.length) {
      const group = ids.subarray(at, at + IDS_AT_ONCE * ID_WORDS);
      this.index.expectAll(group);
      for (const end = at + group.length; at < end; at += ID_WORDS)
        this.add(ids[at] ?? 0, ids[at + 1] ?? 0, since + (ids[at + 2] ?? 0));
    }
    this.drained = this.log.until;
  }
}
