/** Numbers of an id: both parts of its hash, then its stamp. */
export const ID_WORDS = 3;

/** Ids of a partition in the order in which they were remembered, as they go to the database and come back from there. */
export interface IdChunk {
  /** How many ids the partition had remembered before the first of these. */
  readonly seq: number;
  /** What the stamps count from, epoch milliseconds. */
  readonly since: number;
  /** {@link ID_WORDS} of each. */
  readonly ids: Int32Array;
}

/**
 * Shared memory, though nobody shares it: V8 collects garbage each time that so much was allocated for other buffers, which was a third
 * more often with these than without, and cost 0.04 µs an id. It does not collect for the sake of shared ones, so they are used again.
 */
const newMemory = (words: number): Int32Array =>
  new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT));

/** As in {@link IdChunk}. */
interface Segment {
  readonly seq: number;
  readonly since: number;
  /** That of the last segment has room for more. */
  ids: Int32Array;
}

/** Numbers in a segment. */
const FIRST_WORDS = 64 * ID_WORDS;
const MOST_WORDS = 2 ** 14 * ID_WORDS;
/** As many segments are begun as are forgotten, if not at the same time. */
const MOST_SPARE = 8;
const MAX_OFFSET = 0x7fff_ffff;

/** Ids numbered in the order in which they came, 12 bytes each, with stamps that never go back. The oldest leave. */
export class IdLog {
  private segments: Segment[] = [];
  /** That of the last segment. */
  private ids: Int32Array = new Int32Array(0);
  /** Where the next id goes. */
  private at = 0;
  private since = 0;
  private first = 0;
  private next = 0;
  /** See {@link release}. */
  private released = 0;
  /** Memory to be used again. */
  private readonly spare: Int32Array[] = [];

  /** The number of the oldest id. */
  get from(): number {
    return this.first;
  }

  /** The number that the next id will have. */
  get until(): number {
    return this.next;
  }

  /** @param stamp epoch milliseconds, no smaller than that of the call before */
  append(high: number, low: number, stamp: number): void {
    if (this.at === this.ids.length || stamp - this.since > MAX_OFFSET) this.beginSegment(stamp);
    const { ids, at } = this;
    ids[at] = high;
    ids[at + 1] = low;
    ids[at + 2] = stamp - this.since;
    this.at = at + ID_WORDS;
    this.next++;
  }

  /** Forgets all there is; the next id has this number. */
  startAt(seq: number): void {
    this.segments = [];
    this.ids = new Int32Array(0);
    this.at = 0;
    this.first = this.next = seq;
  }

  /** Forgets ids with a smaller stamp. @param oldest epoch milliseconds */
  forgetBefore(oldest: number): void {
    let second: Segment | undefined;
    while ((second = this.segments[1]) && second.since < oldest) this.startWith(second);
    while (this.first < this.next && this.firstStamp() < oldest) this.forgetFirst();
  }

  /** Forgets the oldest where there are more than so many. @returns how many it forgot */
  keep(most: number): number {
    let forgotten = 0;
    for (; this.next - this.first > most; forgotten++) this.forgetFirst();
    return forgotten;
  }

  /** @param seq of an id that is not forgotten */
  holds(seq: number, high: number, low: number): boolean {
    const segment = this.segmentOf(seq);
    const at = (seq - segment.seq) * ID_WORDS;
    return segment.ids[at] === high && segment.ids[at + 1] === low;
  }

  /** Epoch milliseconds. @param seq of an id that is not forgotten */
  stampOf(seq: number): number {
    const { seq: start, since, ids } = this.segmentOf(seq);
    return since + (ids[(seq - start) * ID_WORDS + 2] ?? 0);
  }

  /** Views of ids where they lie. @param from of an id that is not forgotten @param until exclusive */
  runs(from: number, until = this.next): IdChunk[] {
    const runs: IdChunk[] = [];
    for (let seq = from; seq < until;) {
      const { seq: start, since, ids: all } = this.segmentOf(seq);
      const ids = all.subarray((seq - start) * ID_WORDS, (until - start) * ID_WORDS);
      runs.push({ seq, since, ids });
      seq += ids.length / ID_WORDS;
    }
    return runs;
  }

  /** Of the ids before this one nobody looks at any views any more: once they are forgotten, their memory is used again. */
  release(until: number): void {
    this.released = until;
  }

  private firstStamp(): number {
    const segment = this.segments[0];
    return segment ? segment.since + (segment.ids[(this.first - segment.seq) * ID_WORDS + 2] ?? 0) : Infinity;
  }

  private beginSegment(stamp: number): void {
    if (this.first === this.next) this.segments = [];
    const last = this.segments[this.segments.length - 1];
    if (last) last.ids = this.ids.subarray(0, this.at);
    const room = Math.min(Math.max(FIRST_WORDS, this.ids.length * 2), MOST_WORDS);
    this.ids = (room === MOST_WORDS ? this.spare.pop() : undefined) ?? newMemory(room);
    this.at = 0;
    this.since = stamp;
    this.segments.push({ seq: this.next, since: stamp, ids: this.ids });
  }

  private forgetFirst(): void {
    this.first++;
    const second = this.segments[1];
    if (second && second.seq <= this.first) this.startWith(second);
  }

  private startWith(second: Segment): void {
    const gone = this.segments.shift();
    this.first = second.seq;
    if (gone && second.seq <= this.released) this.keepSpare(new Int32Array(gone.ids.buffer));
  }

  private keepSpare(memory: Int32Array): void {
    if (memory.length === MOST_WORDS && this.spare.length < MOST_SPARE) this.spare.push(memory);
  }

  /** By bisection. */
  private segmentOf(seq: number): Segment {
    const { segments } = this;
    let low = 0;
    for (let high = segments.length; high - low > 1;) {
      const middle = (low + high) >>> 1;
      if ((segments[middle]?.seq ?? Infinity) <= seq) low = middle;
      else high = middle;
    }
    const found = segments[low];
    if (!found) throw new RangeError(`No id has the number ${seq}`);
    return found;
  }
}
