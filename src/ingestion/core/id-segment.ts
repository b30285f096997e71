import { ID_WORDS } from './id-journal.js';

/** In place of the stamp of an id that is not there; any other is an instant. */
export const UNKNOWN = -1;

const FIRST_SLOTS = 256;

/** The ids of a stretch of event time: a hash table with open addressing, of whose slots of 12 bytes a third to two thirds are used. */
export class IdSegment {
  private size = 0;
  private slots = new Int32Array(FIRST_SLOTS * ID_WORDS);
  private mask = FIRST_SLOTS - 1;

  /**
   * @param since epoch milliseconds; no stamp is older
   * @param until no stamp is as new
   * @param seq of the first id that comes here
   */
  constructor(
    private readonly since: number,
    readonly until: number,
    readonly seq: number,
  ) {}

  /** Where the id is, or where it belongs; until another one is put somewhere. */
  placeOf(high: number, low: number): number {
    const { slots, mask } = this;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const place = slot * ID_WORDS;
      const [one, other] = [slots[place] ?? 0, slots[place + 1] ?? 0];
      // No id has a hash of zeros.
      if ((one === high && other === low) || (one === 0 && other === 0)) return place;
    }
  }

  /** When the id at this place came last, epoch milliseconds, or {@link UNKNOWN}. */
  stampAt(place: number): number {
    const { slots } = this;
    return slots[place] === 0 && slots[place + 1] === 0 ? UNKNOWN : this.since + (slots[place + 2] ?? 0);
  }

  put(place: number, high: number, low: number, stamp: number): void {
    const { slots } = this;
    if (slots[place] === 0 && slots[place + 1] === 0) this.size++;
    slots[place] = high;
    slots[place + 1] = low;
    slots[place + 2] = stamp - this.since;
    if (this.size * ID_WORDS * 3 >= slots.length * 2) this.grow();
  }

  private grow(): void {
    const { slots } = this;
    this.slots = new Int32Array(slots.length * 2);
    this.mask = this.slots.length / ID_WORDS - 1;
    for (let from = 0; from < slots.length; from += ID_WORDS) {
      const [high, low] = [slots[from] ?? 0, slots[from + 1] ?? 0];
      if (high === 0 && low === 0) continue;
      const to = this.placeOf(high, low);
      this.slots[to] = high;
      this.slots[to + 1] = low;
      this.slots[to + 2] = slots[from + 2] ?? 0;
    }
  }
}
