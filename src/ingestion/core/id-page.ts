import { ID_WORDS } from './id-journal.js';

/** In place of the stamp of an id that is not there; any other is 0 or more. */
export const UNKNOWN = -1;

/**
 * A hash table with open addressing; of each id both parts of its hash, and its stamp. Nothing is ever taken out: when it
 * {@link isFull}, what is not stale moves to other memory.
 */
export class IdPage {
  /** How many slots are taken, by stale ids too. */
  private taken = 0;
  private mask: number;

  /**
   * @param words 3 for each slot, all 0; slots are a power of 2
   * @param depth how many of the last bits of the hash are the same for all ids here
   */
  constructor(
    private words: Int32Array,
    public depth: number,
  ) {
    this.mask = words.length / ID_WORDS - 1;
  }

  get length(): number {
    return this.words.length;
  }

  get isFull(): boolean {
    return this.taken * 4 > this.mask * 3;
  }

  /** When the id came last, or {@link UNKNOWN}. */
  find(high: number, low: number): number {
    const { words } = this;
    const place = this.placeOf(high, low);
    return words[place] === 0 && words[place + 1] === 0 ? UNKNOWN : (words[place + 2] ?? 0);
  }

  /** @returns when the id came last before, or {@link UNKNOWN} */
  put(high: number, low: number, stamp: number): number {
    const { words } = this;
    const place = this.placeOf(high, low);
    let before = UNKNOWN;
    if (words[place] === 0 && words[place + 1] === 0) {
      this.taken++;
      words[place] = high;
      words[place + 1] = low;
    } else before = words[place + 2] ?? 0;
    words[place + 2] = stamp;
    return before;
  }

  /** Whether not even half of the slots hold ids that have come at `oldest` or since. */
  isHalfStale(oldest: number): boolean {
    const { words } = this;
    let live = 0;
    for (let place = 0; place < words.length; place += ID_WORDS) if (isLive(words, place, oldest)) live++;
    return live * 2 <= this.mask;
  }

  /**
   * Moves the ids that have come at `oldest` or since.
   * @param to memory that is all 0
   * @param by what stamps count less from now on
   * @param ones takes those of whose hash the bit at `depth` is 1
   * @returns the memory that is of no use here any more
   */
  moveTo(to: Int32Array, oldest: number, by = 0, ones: IdPage = this): Int32Array {
    const { words } = this;
    const bit = 1 << this.depth;
    this.words = to;
    this.mask = to.length / ID_WORDS - 1;
    this.taken = 0;
    for (let place = 0; place < words.length; place += ID_WORDS) {
      if (!isLive(words, place, oldest)) continue;
      const high = words[place] ?? 0;
      ((high & bit) === 0 ? this : ones).put(high, words[place + 1] ?? 0, (words[place + 2] ?? 0) - by);
    }
    return words;
  }

  /** Where the id is, or where it belongs. */
  private placeOf(high: number, low: number): number {
    const { words, mask } = this;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const place = slot * ID_WORDS;
      const [one, other] = [words[place] ?? 0, words[place + 1] ?? 0];
      // No id has a hash of zeros.
      if ((one === high && other === low) || (one === 0 && other === 0)) return place;
    }
  }
}

const isLive = (words: Int32Array, place: number, oldest: number): boolean =>
  (words[place + 2] ?? 0) >= oldest && (words[place] !== 0 || words[place + 1] !== 0);
