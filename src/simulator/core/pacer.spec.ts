import fc from 'fast-check';
import { MAX_CATCH_UP, Pacer } from './pacer.js';

const START = 1_762_596_930_000;

/** A clock that is read at these distances, in milliseconds; takes all that is due each time. */
function drain(pacer: Pacer, gaps: readonly number[], start = START): { taken: number; now: number } {
  let [taken, now] = [0, start];
  for (const gap of gaps) {
    now += gap;
    for (let due = pacer.due(now); due > 0; due -= 1, taken += 1) pacer.take();
  }
  return { taken, now };
}

const rates = fc.oneof(
  fc.double({ min: 0.1, max: 100, noNaN: true }),
  fc.double({ min: 100, max: 200_000, noNaN: true }),
);
/** Ticks that come as they like, but never so late that anything would be given up. */
const ticks = fc.array(fc.double({ min: 0, max: MAX_CATCH_UP, noNaN: true }), {
  minLength: 1,
  maxLength: 20,
});

describe('a pacer', () => {
  it('lets rate × time events through, to within one, whatever the ticks', () => {
    fc.assert(
      fc.property(rates, ticks, (rate, gaps) => {
        const { taken, now } = drain(new Pacer(rate, START), gaps);
        expect(Math.abs(taken - (rate * (now - START)) / 1000)).toBeLessThanOrEqual(1 + 1e-3);
      }),
      { numRuns: 50 },
    );
  });

  it('does not drift over a day of uneven ticks', () => {
    const pacer = new Pacer(0.7, START);
    const { taken } = drain(
      pacer,
      Array.from({ length: 86_400 * 2 }, (_, tick) => (tick % 2 === 0 ? 333 : 667)),
    );
    expect(taken).toBe(60_480);
  });

  it('gives the same count when what is due is taken in small pieces', () => {
    const pacer = new Pacer(1000, START);
    let taken = 0;
    for (let now = START; now <= START + 2000; now += 1) {
      for (let piece = Math.min(pacer.due(now), 3); piece > 0; piece -= 1, taken += 1) pacer.take();
    }
    expect(taken).toBe(2000);
  });

  it.each([
    [0.1, 10_000],
    [1, 1000],
    [50, 20],
    [4.35, 1000 / 4.35],
    [200_000, 0.005],
  ])('at %d events/s makes the first event due after %d ms, and not before', (rate, milliseconds) => {
    const pacer = new Pacer(rate, 0);
    expect(pacer.nextAt()).toBeCloseTo(milliseconds);
    expect(pacer.due(milliseconds * 0.99)).toBe(0);
    expect(pacer.due(milliseconds)).toBe(1);
  });

  it('tells when each event was due: in order, evenly, and never in the future', () => {
    fc.assert(
      fc.property(rates, ticks, (rate, gaps) => {
        const pacer = new Pacer(rate, START);
        let [now, previous] = [START, START];
        for (const gap of gaps.slice(0, 3)) {
          now += gap;
          for (let due = pacer.due(now); due > 0; due -= 1) {
            const at = pacer.take();
            if (at < previous || at > now) throw new Error(`${at} is not between ${previous} and ${now}`);
            previous = at;
          }
        }
      }),
      { numRuns: 50 },
    );
    const pacer = new Pacer(4, START);
    expect(pacer.due(START + 1000)).toBe(4);
    expect([pacer.take(), pacer.take(), pacer.take(), pacer.take()]).toEqual([
      START + 250,
      START + 500,
      START + 750,
      START + 1000,
    ]);
  });
});

describe('after a stall', () => {
  it('a pacer makes up for one second at most, then goes on at its rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: MAX_CATCH_UP, max: 10_000_000 }),
        (rate, stall) => {
          const pacer = new Pacer(rate, START);
          const caughtUp = drain(pacer, [stall]).taken;
          expect(caughtUp).toBeGreaterThanOrEqual(rate - 1);
          expect(caughtUp).toBeLessThanOrEqual(rate + 1);
          const next = drain(pacer, [500], START + stall).taken;
          expect(Math.abs(next - rate / 2)).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('what is made up for is no older than a second', () => {
    const pacer = new Pacer(10, START);
    expect(pacer.due(START + 60_000)).toBe(10);
    expect(pacer.take()).toBe(START + 59_100);
  });
});

describe('a clock that is set back', () => {
  it('neither stops the events nor sends any twice', () => {
    const pacer = new Pacer(100, START);
    expect(drain(pacer, [500, -3_600_000, 500]).taken).toBe(100);
  });

  it('makes the events that follow due at the new time', () => {
    const pacer = new Pacer(100, START);
    drain(pacer, [500]);
    pacer.due(START - 3_600_000);
    expect(pacer.nextAt()).toBe(START - 3_600_000 + 10);
  });
});

describe('a duration', () => {
  it('ends the run with rate × duration events, however late the last tick', () => {
    const pacer = new Pacer(50, START, 2000);
    expect(drain(pacer, [900, 900, 700]).taken).toBe(100);
    expect(pacer.isOver()).toBe(true);
    expect(pacer.due(START + 3_600_000)).toBe(0);
  });

  it('is not over before its time, even when no event is due any more', () => {
    const pacer = new Pacer(0.1, START, 5000);
    expect(pacer.due(START + 4999)).toBe(0);
    expect(pacer.isOver()).toBe(false);
    expect(pacer.nextAt()).toBe(START + 5000);
    expect(pacer.due(START + 5000)).toBe(0);
    expect(pacer.isOver()).toBe(true);
  });

  it('is as long when the clock is set back meanwhile', () => {
    const pacer = new Pacer(10, START, 1000);
    expect(drain(pacer, [500, -100_000, 500]).taken).toBe(10);
    expect(pacer.isOver()).toBe(true);
  });
});
