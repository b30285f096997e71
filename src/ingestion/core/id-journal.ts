/** Ids of a partition in the order in which they were remembered, as they go to the database and come back from there. */
export interface IdChunk {
  /** How many ids the partition had remembered before the first of these. */
  readonly seq: number;
  /** Those with a smaller `seq` are forgotten, also some of these. */
  readonly firstSeq: number;
  /** What the stamps count from, epoch milliseconds. */
  readonly since: number;
  /** Of each id both parts of its hash, then its stamp. */
  readonly ids: Int32Array;
}

/** What was remembered between two flushes. */
export interface NewIds extends IdChunk {
  /** How many ids within the window were forgotten meanwhile, as there were too many. */
  readonly forgottenEarly: number;
}

/** Numbers of an id in a chunk. */
export const ID_WORDS = 3;

const FIRST_WORDS = 64 * ID_WORDS;
const MAX_OFFSET = 0x7fff_ffff;

/** Notes ids that were remembered, 12 bytes each, until they are drained. */
export class IdJournal {
  private words = new Int32Array(0);
  private firstWords = FIRST_WORDS;
  private count = 0;
  private seq = 0;
  private since = 0;

  /**
   * @param seq one more than that of the call before
   * @param stamp no smaller than that of the call before
   * @param firstSeq those with a smaller one are forgotten; no more than {@link MAX_OFFSET} before `stamp` came the others
   */
  add(seq: number, high: number, low: number, stamp: number, firstSeq: number): void {
    if (stamp - this.since > MAX_OFFSET) this.leaveOut(firstSeq);
    if (this.count === 0) {
      this.seq = seq;
      this.since = stamp;
    }
    const at = this.count++ * ID_WORDS;
    if (at === this.words.length) this.grow();
    this.words[at] = high;
    this.words[at + 1] = low;
    this.words[at + 2] = stamp - this.since;
  }

  /** What was noted since the last time; null when nothing was. @param firstSeq of those that are not forgotten yet */
  drain(firstSeq: number): IdChunk | null {
    if (this.count === 0) return null;
    const { seq, since } = this;
    const ids = this.words.subarray(0, this.count * ID_WORDS);
    // The next ones will be about as many.
    this.firstWords = Math.max(FIRST_WORDS, ids.length);
    this.words = new Int32Array(0);
    this.count = 0;
    return { seq, firstSeq, since, ids };
  }

  /** The ids that are forgotten, so that the stamps of the others can count from a later moment. */
  private leaveOut(firstSeq: number): void {
    const forgotten = Math.min(this.count, Math.max(0, firstSeq - this.seq));
    this.words.copyWithin(0, forgotten * ID_WORDS, this.count * ID_WORDS);
    this.count -= forgotten;
    this.seq += forgotten;
    const by = this.words[2] ?? 0;
    this.since += by;
    for (let at = 2; at < this.count * ID_WORDS; at += ID_WORDS) this.words[at] = (this.words[at] ?? 0) - by;
  }

  private grow(): void {
    const grown = new Int32Array(Math.max(this.firstWords, this.words.length * 2));
    grown.set(this.words);
    this.words = grown;
  }
}
