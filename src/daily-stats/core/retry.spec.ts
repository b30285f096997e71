import fc from 'fast-check';
import { retryDelay } from './retry.js';

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
