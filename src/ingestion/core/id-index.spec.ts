import fc from 'fast-check';
import { IdIndex } from './id-index.js';
import { IdLog } from './id-log.js';
import { UNKNOWN } from './id-slots.js';

/** Pseudo-random 32-bit integers, the same each time (G. Marsaglia, Xorshift RNGs, J. Stat. Softw. 8.14, 2003). */
function integers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    return (state ^= state << 5);
  };
}

type Hash = readonly [high: number, low: number];

/** A log of at most so many ids, with its index. */
class Indexed {
  readonly log = new IdLog();
  readonly index: IdIndex;

  constructor(private readonly most: number) {
    this.index = new IdIndex(this.log, most);
  }

  /** @returns the number that the id had before */
  add([high, low]: Hash): number {
    const before = this.index.put(high, low);
    this.log.append(high, low, 0);
    this.log.keep(this.most);
    return before;
  }

  find([high, low]: Hash): number {
    return this.index.find(high, low);
  }
}

describe('an index of ids', () => {
  it.each([
    ['while its table grows', 1_000_000, 400_000],
    ['while its numbers come round again and again', 5000, 200_000],
    ['while it has next to none', 1, 5000],
  ])('is a map of numbers, %s', (_, most, additions) => {
    const next = integers(7);
    const ids: Hash[] = Array.from({ length: additions }, () => [next(), next()]);
    const indexed = new Indexed(most);
    const model = new Int32Array(ids.length).fill(UNKNOWN);
    const live = (which: number): number =>
      model[which]! >= indexed.log.until - most ? model[which]! : UNKNOWN;
    const wrong: number[] = [];
    for (let seq = 0; seq < additions; seq++) {
      // New ones; now and then one from before, be it from long before.
      const back = Math.abs(next()) % (seq % 10 === 0 ? seq + 1 : Math.min(seq + 1, most * 2));
      const which = seq % 5 === 0 ? seq - back : seq;
      const before = live(which);
      if (indexed.add(ids[which]!) !== before) wrong.push(seq);
      model[which] = seq;
    }
    expect(wrong).toEqual([]);
    expect(ids.filter((id, which) => indexed.find(id) !== live(which))).toEqual([]);
  });

  it('finds what came last, whatever came when a new table took over', () => {
    const add = fc.record({ from: fc.nat(3000), ids: fc.integer({ min: 1, max: 2500 }) });
    fc.assert(
      fc.property(fc.array(add, { maxLength: 20 }), fc.integer({ min: 1, max: 4000 }), (adds, most) => {
        const hashes = integers(most);
        const ids: Hash[] = Array.from({ length: 6000 }, () => [hashes(), hashes()]);
        const indexed = new Indexed(most);
        const model = new Map<number, number>();
        for (const { from, ids: count } of adds)
          for (let which = from; which < from + count; which++) {
            const seq = indexed.log.until;
            const before = model.get(which) ?? UNKNOWN;
            const known = before >= indexed.log.from ? before : UNKNOWN;
            if (indexed.find(ids[which]!) !== known) throw new Error(`${seq} is not found as it should be`);
            if (indexed.add(ids[which]!) !== known) throw new Error(`${seq} is not as it should be`);
            model.set(which, seq);
          }
        for (const [which, seq] of model)
          expect(indexed.find(ids[which]!)).toBe(seq >= indexed.log.from ? seq : UNKNOWN);
      }),
      { numRuns: 40 },
    );
  });

  it('has room for new ids when few have filled the log', () => {
    const hashes = integers(9);
    const ids: Hash[] = Array.from({ length: 100_000 }, () => [hashes(), hashes()]);
    const indexed = new Indexed(1_000_000);
    const few = 190;
    for (let seq = 0; seq < 900_000; seq++) indexed.add(ids[seq % few]!);
    const unknown = ids.slice(few).filter((id) => indexed.add(id) === UNKNOWN);
    expect(unknown.length).toBe(ids.length - few);
    expect(ids.slice(few).filter((id, n) => indexed.find(id) !== 900_000 + n)).toEqual([]);
  });

  it('tells ids apart whose hashes differ in one half only', () => {
    const indexed = new Indexed(1_000_000);
    const lows = Array.from({ length: 5000 }, (_, n): Hash => [5, n + 1]);
    const highs = Array.from({ length: 5000 }, (_, n): Hash => [n << 12, -1]);
    for (const id of [...lows, ...highs]) indexed.add(id);
    expect([...lows, ...highs].filter((id, seq) => indexed.find(id) !== seq)).toEqual([]);
  });
});
