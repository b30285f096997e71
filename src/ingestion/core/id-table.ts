import { ID_WORDS } from './id-journal.js';
import { IdPage, UNKNOWN } from './id-page.js';

const FIRST_SLOTS = 64;

/** Pages of so many slots, 768 KiB, are not enlarged but split: either takes no more than 2 ms. */
const MAX_PAGE_SLOTS = 2 ** 16;

/** Bits by which pages are split at most; only hashes that do not tell ids apart come to more. */
const MAX_DEPTH = 16;

/**
 * Ids with their stamps, by extendible hashing (R. Fagin et al., Extendible hashing, ACM TODS 4.3, 1979): a directory of pages,
 * one of which is split when it is full, so that no addition takes long however many ids there are. Most are looked up in vain,
 * in far more memory than any cache holds; here that is one access. Stale ids leave when their page is full.
 */
export class IdTable {
  /** By the last bits of the hash; a page of fewer bits stands here more than once. */
  private pages = [new IdPage(new Int32Array(FIRST_SLOTS * ID_WORDS), 0)];
  private mask = 0;
  /** Used again: memory that is new to the process costs more than to clear this. */
  private spare: Int32Array = new Int32Array(0);

  /** When the id came last, or {@link UNKNOWN}; stale ones may be there still. */
  find(high: number, low: number): number {
    return this.pages[high & this.mask]?.find(high, low) ?? UNKNOWN;
  }

  /**
   * @param stamp no smaller than any before
   * @param oldest ids with a smaller stamp are stale
   * @returns when the id came last before, or {@link UNKNOWN}
   */
  put(high: number, low: number, stamp: number, oldest: number): number {
    const page = this.pages[high & this.mask];
    if (page === undefined) return UNKNOWN;
    const before = page.put(high, low, stamp);
    if (page.isFull) this.makeRoom(page, high, oldest);
    return before;
  }

  /** Makes all stamps smaller by this much; those of ids that are not stale are 0 or more still. */
  rebase(by: number, oldest: number): void {
    for (const page of new Set(this.pages)) this.spare = page.moveTo(this.memory(page.length), oldest, by);
  }

  private makeRoom(page: IdPage, high: number, oldest: number): void {
    const isHalfStale = page.isHalfStale(oldest);
    if (!isHalfStale && page.length >= MAX_PAGE_SLOTS * ID_WORDS && page.depth < MAX_DEPTH)
      this.split(page, high, oldest);
    else this.spare = page.moveTo(this.memory(isHalfStale ? page.length : page.length * 2), oldest);
  }

  private split(page: IdPage, high: number, oldest: number): void {
    const bit = 1 << page.depth;
    if (bit > this.mask) {
      this.pages = [...this.pages, ...this.pages];
      this.mask = this.pages.length - 1;
    }
    const ones = new IdPage(new Int32Array(page.length), page.depth + 1);
    this.spare = page.moveTo(this.memory(page.length), oldest, 0, ones);
    page.depth++;
    for (let at = (high & (bit - 1)) | bit; at <= this.mask; at += bit * 2) this.pages[at] = ones;
  }

  /** @returns all 0 */
  private memory(length: number): Int32Array {
    return this.spare.length === length ? this.spare.fill(0) : new Int32Array(length);
  }
}
