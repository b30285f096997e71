import fc from 'fast-check';
import { UNKNOWN } from './id-page.js';
import { IdTable } from './id-table.js';

/** Pseudo-random 32-bit integers, the same each time (G. Marsaglia, Xorshift RNGs, J. Stat. Softw. 8.14, 2003). */
function integers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    return (state ^= state << 5);
  };
}

describe('an id table', () => {
  it('is a map of stamps, while pages grow, split and lose stale ids', () => {
    const next = integers(7);
    const ids = Array.from({ length: 300_000 }, () => [next(), next()] as const);
    const table = new IdTable();
    const model = new Int32Array(ids.length).fill(UNKNOWN);
    const wrong: number[] = [];
    let oldest = 0;
    for (let stamp = 0; stamp < 600_000; stamp++) {
      // New ones, and now and then one from before.
      const which = stamp % 5 === 0 ? Math.abs(next()) % ids.length : stamp >> 1;
      const [high, low] = ids[which]!;
      oldest = Math.max(0, stamp - 450_000);
      const before = table.put(high, low, stamp, oldest);
      const expected = model[which]!;
      if (expected >= oldest ? before !== expected : before >= oldest) wrong.push(stamp);
      model[which] = stamp;
    }
    expect(wrong).toEqual([]);
    const lost = ids.filter(
      ([high, low], which) => model[which]! >= oldest && table.find(high, low) !== model[which],
    );
    expect(lost).toEqual([]);
  });

  it('keeps what is not stale when its stamps get smaller', () => {
    const id = fc.record({ high: fc.integer({ min: 1, max: 9 }), low: fc.integer({ min: 1, max: 500 }) });
    fc.assert(
      fc.property(fc.array(id, { maxLength: 400 }), fc.nat(400), (ids, by) => {
        const table = new IdTable();
        const model = new Map<string, number>();
        for (const [stamp, { high, low }] of ids.entries()) {
          table.put(high, low, stamp, 0);
          model.set(`${high} ${low}`, stamp);
        }
        table.rebase(by, by);
        for (const { high, low } of ids) {
          const stamp = model.get(`${high} ${low}`)!;
          expect(table.find(high, low)).toBe(stamp < by ? UNKNOWN : stamp - by);
        }
      }),
    );
  });

  it('holds ids whose hashes differ in one half only', () => {
    const table = new IdTable();
    for (let low = 1; low <= 100_000; low++) table.put(5, low, low, 0);
    for (let high = 1; high <= 2000; high++) table.put(high << 12, -1, high, 0);
    const upTo = (most: number): number[] => Array.from({ length: most }, (_, n) => n + 1);
    expect(upTo(100_000).filter((low) => table.find(5, low) !== low)).toEqual([]);
    expect(upTo(2000).filter((high) => table.find(high << 12, -1) !== high)).toEqual([]);
  });
});
