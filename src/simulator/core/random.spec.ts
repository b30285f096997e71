import fc from 'fast-check';
import { hundredths, integer, pick, seededRandom, uuid } from './random.js';

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('a draw', () => {
  it('of an integer keeps to its bounds', () => {
    fc.assert(
      fc.property(seeds, fc.integer(), fc.nat(10_000), (seed, min, width) => {
        const drawn = integer(seededRandom(seed), min, min + width);
        expect(Number.isInteger(drawn)).toBe(true);
        expect(drawn).toBeGreaterThanOrEqual(min);
        expect(drawn).toBeLessThanOrEqual(min + width);
      }),
    );
  });

  it('reaches both bounds', () => {
    const random = seededRandom(1);
    const drawn = Array.from({ length: 200 }, () => integer(random, 5, 9));
    expect(new Set(drawn)).toEqual(new Set([5, 6, 7, 8, 9]));
  });

  it('of a decimal has at most two places', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(String(hundredths(seededRandom(seed), 5, 500))).toMatch(/^\d{1,3}(\.\d{1,2})?$/);
      }),
    );
  });

  it('picks every item', () => {
    const random = seededRandom(1);
    expect(new Set(Array.from({ length: 100 }, () => pick(random, ['a', 'b', 'c'])))).toEqual(
      new Set(['a', 'b', 'c']),
    );
  });

  it('of a UUID is one of version 4', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(uuid(seededRandom(seed))).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
      }),
    );
  });

  it('of a UUID leaves no other bit fixed', () => {
    const random = seededRandom(1);
    const bits = Array.from({ length: 200 }, () => BigInt(`0x${uuid(random).replaceAll('-', '')}`));
    const ever = bits.reduce((all, one) => all | one);
    const always = bits.reduce((all, one) => all & one);
    // Version 4 (0100) in bits 76 to 79, variant 10 in bits 62 and 63.
    expect(always).toBe((0x4n << 76n) | (0x2n << 62n));
    expect(ever).toBe((1n << 128n) - 1n - (0xbn << 76n) - (0x1n << 62n));
  });
});
