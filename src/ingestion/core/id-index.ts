import type { IdLog } from './id-log.js';
import { IDS_AT_ONCE, IdSlots, UNKNOWN } from './id-slots.js';

/** Each so many additions, one does some of the work for a new table, which is done long before the old one has no room left. */
const TURN = 4;

/**
 * Finds ids in their log. A table that is full gives way to a new one, which takes over what the log still holds bit by bit, so that
 * no addition takes long however many ids there are; both are asked meanwhile.
 */
export class IdIndex {
  private slots: IdSlots;
  /** The next table, not in use yet. */
  private preparing: IdSlots | null = null;
  /** The next table, which takes over. */
  private newSlots: IdSlots | null = null;
  /** Numbers of the ids that the new table has to take over yet. */
  private from = 0;
  private until = 0;
  private additions = 0;
  private readonly seqBits: number;
  /** See {@link IdSlots.touch}. */
  private touched = 0;

  /** @param most how many ids the log holds at most, a moment after an addition; less than 2^31 */
  constructor(
    private readonly log: IdLog,
    most: number,
  ) {
    this.seqBits = 32 - Math.clz32(most);
    this.slots = this.tableFor(0);
  }

  /** The last number of the id, or {@link UNKNOWN}. */
  find(high: number, low: number): number {
    return Math.max(this.slots.find(high, low), this.newSlots?.find(high, low) ?? UNKNOWN);
  }

  /** The id is the next one in the log. @returns its last number before, or {@link UNKNOWN} */
  put(high: number, low: number): number {
    const seq = this.log.until;
    if (seq === this.log.from) this.beginAnew();
    if (++this.additions % TURN === 0) this.advance();
    const { slots, newSlots } = this;
    if (newSlots === null) return slots.put(seq, high, low);
    return Math.max(slots.find(high, low), newSlots.put(seq, high, low));
  }

  /**
   * Brings the memory near that is needed for ids, for all of them at once: asked one by one, each would wait for its own.
   * @param highs begins with the first parts of their hashes
   * @param count at most {@link IDS_AT_ONCE}
   */
  expect(highs: Int32Array, count: number): void {
    this.touched = this.slots.touch(highs, count) | (this.newSlots?.touch(highs, count) ?? 0);
  }

  /** The same. @param ids as the log shows them */
  expectAll(ids: Int32Array): void {
    this.touched = this.slots.touchAll(ids) | (this.newSlots?.touchAll(ids) ?? 0);
  }

  /** As nothing is known any more, there is no need to wait until the table is full. */
  private beginAnew(): void {
    this.slots = this.tableFor(0);
    this.preparing = this.newSlots = null;
  }

  private advance(): void {
    const { log, slots, preparing, newSlots } = this;
    if (newSlots) this.takeOver(newSlots);
    // Where few ids have come again and again, a table for all that the log holds is far larger, and takes long to prepare.
    else if (preparing && (preparing.prepare() || slots.isCrowded)) {
      ({ from: this.from, until: this.until } = log);
      this.newSlots = preparing;
      this.preparing = null;
    } else if (!preparing && slots.isFull) this.preparing = this.tableFor(log.until - log.from);
  }

  private takeOver(newSlots: IdSlots): void {
    const from = Math.max(this.from, this.log.from);
    this.from = Math.min(this.until, from + IDS_AT_ONCE);
    for (const { seq, ids } of this.log.runs(from, this.from)) newSlots.putAll(seq, ids);
    if (this.from < this.until) return;
    this.slots = newSlots;
    this.newSlots = null;
  }

  private tableFor(ids: number): IdSlots {
    return new IdSlots(this.log, this.seqBits, IdSlots.sizeFor(ids));
  }
}
