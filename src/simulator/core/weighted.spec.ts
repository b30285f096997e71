import type { Randomizer } from '@faker-js/faker';
import fc from 'fast-check';
import { seededRandom } from './random.js';
import { Weighted } from './weighted.js';

/** Gives these numbers, and no others. */
const scripted = (...numbers: number[]): Randomizer => ({
  next: () => numbers.shift()!,
  seed: () => undefined,
});

describe('weights', () => {
  it('are shares of their sum', () => {
    const weighted = new Weighted({ a: 6, b: 3, c: 1 });
    const random = seededRandom(7);
    const drawn = Array.from({ length: 40_000 }, () => weighted.pick(random));
    const share = (name: string): number => drawn.filter((each) => each === name).length / drawn.length;
    expect(Math.abs(share('a') - 0.6)).toBeLessThan(0.01);
    expect(Math.abs(share('b') - 0.3)).toBeLessThan(0.01);
    expect(Math.abs(share('c') - 0.1)).toBeLessThan(0.01);
  });

  //  0        0.25                 1
  //  |---a----|--------b-----------|
  it('own half-open parts of what may be drawn', () => {
    const weighted = new Weighted({ a: 1, b: 3 });
    const drawn = scripted(0, 0.2499, 0.25, 1 - 2 ** -32);
    expect(Array.from({ length: 4 }, () => weighted.pick(drawn))).toEqual(['a', 'a', 'b', 'b']);
  });

  it('of 0 are never drawn, wherever they stand', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (number) => {
        expect(new Weighted({ x: 0, a: 0.1, y: 0, z: 0 }).pick(scripted(number))).toBe('a');
      }),
    );
  });

  it('that rounding leaves below 1 in sum still give a name', () => {
    const weights = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`n${index}`, 0.1]));
    expect(new Weighted(weights).pick(scripted(1 - Number.EPSILON / 2))).toBe('n9');
  });

  it('have at least one above 0', () => {
    expect(() => new Weighted({ a: 0 })).toThrow('No weight is above 0');
    expect(() => new Weighted({})).toThrow(RangeError);
  });
});
