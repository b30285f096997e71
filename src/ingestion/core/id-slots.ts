import { ID_WORDS, type IdLog } from './id-log.js';

/** A multiple of 4; so many that their memory comes near together, so few that all of it stays there: of 16 to 500, 64 took the least time. */
export const IDS_AT_ONCE = 64;

/** In place of an id's number when it is not known; any other is 0 or more. */
export const UNKNOWN = -1;

/** In place of an entry. */
const EMPTY = 0;

/** Of 4 KiB. */
const PAGE_SLOTS = 1024;
const PAGES_A_TURN = 2;

/** One for all, as each is done with it before another begins. */
const scratch = new Int32Array(IDS_AT_ONCE);

/**
 * A hash table with open addressing, 4 bytes a slot: where the log holds an id. An entry has some bits of the id's hash, so that few
 * others have to be compared there, and the last bits of its number. Nothing is ever taken out; an entry whose id the log has
 * forgotten stands for nothing, or, once its number comes round, for the id that the log has there by then.
 */
export class IdSlots {
  private readonly slots: Int32Array;
  private readonly mask: number;
  private readonly seqMask: number;
  private taken = 0;
  /** How many slots' memory is there. */
  private prepared = 0;

  /**
   * @param seqBits of the number in an entry: 2 to the power of it is more than the log ever holds
   * @param size a power of 2
   */
  constructor(
    private readonly log: IdLog,
    private readonly seqBits: number,
    size: number,
  ) {
    this.slots = new Int32Array(size);
    // Small integers to the engine, which powers are not.
    this.mask = (size - 1) | 0;
    this.seqMask = (2 ** seqBits - 1) | 0;
  }

  /** Slots for so many ids, and for more than as many again before the table is full: 12 to 24 bytes an id. */
  static sizeFor(ids: number): number {
    return 2 ** Math.max(8, Math.ceil(Math.log2(ids * 3)));
  }

  /**
   * Has the system give some of the table's memory, which it does at the first use of each page, in up to 3 µs: ids go to pages at
   * random, and thousands of them would have to wait for theirs at once.
   * @returns whether all of it is there
   */
  prepare(): boolean {
    const end = Math.min(this.prepared + PAGES_A_TURN * PAGE_SLOTS, this.slots.length);
    for (; this.prepared < end; this.prepared += PAGE_SLOTS) this.slots[this.prepared] = EMPTY;
    return this.prepared >= this.slots.length;
  }

  /** Time for another one. */
  get isFull(): boolean {
    return this.taken * 4 > this.mask * 3;
  }

  /** High time. */
  get isCrowded(): boolean {
    return this.taken * 8 > this.mask * 7;
  }

  /** The last number of the id, or {@link UNKNOWN}. */
  find(high: number, low: number): number {
    const { until } = this.log;
    const entry = this.slots[this.slotOf(until, high, low)] ?? EMPTY;
    return entry === EMPTY ? UNKNOWN : this.seqOf(entry, until);
  }

  /**
   * Notes a number of an id. Where a larger one is here already, that one stays the one that is found.
   * @returns the largest one below it, or {@link UNKNOWN}
   */
  put(seq: number, high: number, low: number): number {
    const { slots } = this;
    const slot = this.slotOf(seq, high, low);
    const entry = slots[slot] ?? EMPTY;
    slots[slot] = this.tagOf(low) | (seq & this.seqMask);
    if (entry !== EMPTY) return this.seqOf(entry, seq);
    this.taken++;
    return UNKNOWN;
  }

  /** The same for ids one after the other. @param ids {@link ID_WORDS} of each, of {@link IDS_AT_ONCE} at most */
  putAll(seq: number, ids: Int32Array): void {
    this.touchAll(ids);
    for (let at = 0; at < ids.length; at += ID_WORDS) this.put(seq++, ids[at] ?? 0, ids[at + 1] ?? 0);
  }

  /**
   * As `IdIndex.expect`. Four in a row: the fewer instructions there are between them, the more of them the processor has under way
   * at once.
   * @returns nothing of use, but something: else it might not be read at all
   */
  touch(highs: Int32Array, count: number): number {
    let sum = 0;
    for (let at = 0; at < count; at += 4)
      sum |=
        this.home(highs, at) | this.home(highs, at + 1) | this.home(highs, at + 2) | this.home(highs, at + 3);
    return sum;
  }

  /** The same. @param ids {@link ID_WORDS} of each, of {@link IDS_AT_ONCE} at most */
  touchAll(ids: Int32Array): number {
    let count = 0;
    for (let at = 0; at < ids.length; at += ID_WORDS) scratch[count++] = ids[at] ?? 0;
    return this.touch(scratch, count);
  }

  private home(highs: Int32Array, at: number): number {
    return this.slots[(highs[at] ?? 0) & this.mask] ?? EMPTY;
  }

  /** Where the id is, or where it belongs. @param seq larger than its number */
  private slotOf(seq: number, high: number, low: number): number {
    const { slots, mask, seqMask, log } = this;
    const tag = this.tagOf(low);
    let slot = high & mask;
    for (let entry; (entry = slots[slot] ?? EMPTY) !== EMPTY; slot = (slot + 1) & mask) {
      if (((entry ^ tag) & ~seqMask) !== 0) continue;
      const found = this.seqOf(entry, seq);
      if (found >= log.from && log.holds(found, high, low)) break;
    }
    return slot;
  }

  /** The largest number below this one that the entry may stand for. */
  private seqOf(entry: number, seq: number): number {
    return seq - 1 - ((seq - 1 - entry) & this.seqMask);
  }

  /** Not 0, so that no entry is {@link EMPTY}. */
  private tagOf(low: number): number {
    return low & ~this.seqMask || 1 << this.seqBits;
  }
}
