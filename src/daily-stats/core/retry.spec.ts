import fc from 'fast-check';
import { interruptionDelay, retryDelay } from './retry.js';

const MINUTE = 60_000;
const DAY = 86_400_000;

describe('the wait after a failed attempt', () => {
  //   attempt 1 ──5 min── 2 ──10 min── 3 ──20 min── 4, and no more
  it('doubles with each, until there have been enough', () => {
    const rules = { retries: 3, delayMs: 5 * MINUTE };
    expect([1, 2, 3, 4, 5].map((attempts) => retryDelay(attempts, rules))).toEqual([
      5 * MINUTE,
      10 * MINUTE,
      20 * MINUTE,
      null,
      null,
    ]);
  });

  it('is none where nothing is to be tried again', () => {
    expect(retryDelay(1, { retries: 0, delayMs: 5 * MINUTE })).toBeNull();
  });

  it('is at most a day, however many attempts there were', () => {
    const rules = { retries: 100, delayMs: 5 * MINUTE };
    expect(retryDelay(9, rules)).toBe(1280 * MINUTE);
    expect(retryDelay(10, rules)).toBe(DAY);
    expect(retryDelay(100, rules)).toBe(DAY);
    expect(retryDelay(1, { retries: 1, delayMs: DAY })).toBe(DAY);
  });

  it('is there for exactly as many attempts as there are retries, and never gets shorter', () => {
    const rules = fc.record({
      retries: fc.integer({ min: 0, max: 100 }),
      delayMs: fc.integer({ min: 100, max: DAY }),
    });
    fc.assert(
      fc.property(rules, (any) => {
        const waits: number[] = [];
        for (let attempts = 1; attempts <= 102; attempts++) {
          const wait = retryDelay(attempts, any);
          expect(wait === null).toBe(attempts > any.retries);
          if (wait !== null) waits.push(wait);
        }
        expect(waits[0] ?? any.delayMs).toBe(any.delayMs);
        waits.slice(1).forEach((wait, index) => {
          expect(wait).toBe(Math.min(2 * waits[index]!, DAY));
        });
      }),
    );
  });
});

describe('the wait after a replica has gone in the middle of an attempt', () => {
  const waits = (delayMs: number): number[] =>
    [0, 1, 2, 3, 4, 5].map((interruptions) => interruptionDelay(interruptions, delayMs));

  it('is none at first, then doubles from a second on', () => {
    expect(waits(5 * MINUTE)).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000]);
  });

  it('is at most that of a failure', () => {
    expect(waits(3_000)).toEqual([0, 1_000, 2_000, 3_000, 3_000, 3_000]);
    expect(waits(100)).toEqual([0, 100, 100, 100, 100, 100]);
    expect(interruptionDelay(1_000_000, 5 * MINUTE)).toBe(5 * MINUTE);
  });
});
