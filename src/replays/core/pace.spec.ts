import fc from 'fast-check';
import { CANARY, canaryFails, chunkSize } from './pace.js';

describe('the pace of a replay', () => {
  it('ends a chunk exactly at the canary, at any rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (rate) => {
        let done = 0;
        while (done < CANARY) done += chunkSize(done, rate);
        expect(done).toBe(CANARY);
      }),
    );
  });

  it.each([
    [0, 1000],
    [1, 1],
    [3, 1],
    [200, 50],
    [4_000, 1000],
    [1_000_000, 1000],
  ])('takes at %d a second chunks of %d', (rate, size) => {
    expect(chunkSize(CANARY, rate)).toBe(size);
  });

  it.each([
    [94, 100, true],
    [95, 100, false],
    [0, 100, true],
    [0, 99, false],
    [94, 101, false],
  ])('with %d applied of %d fails: %s', (applied, done, fails) => {
    expect(canaryFails(applied, done)).toBe(fails);
  });
});
