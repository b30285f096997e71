import fc from 'fast-check';
import { diurnalCurve, Intensity, type IntensityParameters } from './intensity.js';

const MIDNIGHT = Date.UTC(2025, 10, 8);
const HOUR = 3_600_000;

const intensity = (parameters: Partial<IntensityParameters> = {}): Intensity =>
  new Intensity(MIDNIGHT, {
    ...{ eventsPerSecond: 100, timeScale: 1, diurnal: false, bursts: null },
    ...parameters,
  });

/** When events are due, up to a moment of the run in milliseconds. */
function dueUntil(end: number, parameters: Partial<IntensityParameters>): number[] {
  const due: number[] = [];
  const source = intensity(parameters);
  for (let next = source.next(); next <= end; next = source.next()) due.push(next);
  return due;
}

/** How many of them come in each interval of this many milliseconds. */
function counts(due: readonly number[], interval: number): number[] {
  const result: number[] = [];
  for (const moment of due) {
    const index = Math.floor(moment / interval);
    result[index] = (result[index] ?? 0) + 1;
  }
  return result;
}

describe('the curve of a day', () => {
  it('is a quarter of the mean at 4 h UTC and seven quarters at 16 h', () => {
    expect(diurnalCurve(MIDNIGHT + 4 * HOUR)).toBeCloseTo(0.25, 10);
    expect(diurnalCurve(MIDNIGHT + 10 * HOUR)).toBeCloseTo(1, 10);
    expect(diurnalCurve(MIDNIGHT + 16 * HOUR)).toBeCloseTo(1.75, 10);
  });

  it('has a mean of 1 over a day, whenever that begins', () => {
    fc.assert(
      fc.property(fc.integer({ min: 946_684_800_000, max: 4_102_444_800_000 }), (start) => {
        const minutes = Array.from({ length: 1440 }, (_, minute) => diurnalCurve(start + minute * 60_000));
        expect(minutes.reduce((sum, each) => sum + each) / 1440).toBeCloseTo(1, 9);
      }),
      { numRuns: 20 },
    );
  });
});

describe('events', () => {
  it('are due at even distances, the first after one of them, without drift', () => {
    const source = intensity({ eventsPerSecond: 7 });
    const due = Array.from({ length: 70_000 }, () => source.next());
    expect(due[0]).toBeCloseTo(1000 / 7, 9);
    expect(due.at(-1)).toBeCloseTo(10_000_000, 3);
  });

  it('follow the time of the day of the events: a simulated day in a minute', () => {
    const due = dueUntil(60_000, { eventsPerSecond: 1000, timeScale: 1440, diurnal: true });
    // The mean of the day is the rate that was asked for.
    expect(Math.abs(due.length / 60_000 - 1)).toBeLessThan(0.01);
    const hours = counts(due, 2500);
    expect(hours).toHaveLength(24);
    expect(hours.indexOf(Math.min(...hours))).toBeGreaterThanOrEqual(3);
    expect(hours.indexOf(Math.min(...hours))).toBeLessThanOrEqual(4);
    expect(hours.indexOf(Math.max(...hours))).toBeGreaterThanOrEqual(15);
    expect(hours.indexOf(Math.max(...hours))).toBeLessThanOrEqual(16);
    expect(Math.max(...hours) / Math.min(...hours)).toBeGreaterThan(6);
  });

  //  0   1   2   3  |10  11  12  13  | seconds of the run
  //  xxxxxxx .   .  |xxxxxxx .   .   | three times the traffic for 2 s in 10
  it('come in bursts at the beginning of every period', () => {
    const bursts = { everySeconds: 10, durationSeconds: 2, factor: 3 };
    const seconds = counts(dueUntil(20_000, { bursts }), 1000);
    for (const second of [0, 1, 10, 11]) expect(Math.abs(seconds[second]! - 300)).toBeLessThanOrEqual(2);
    for (const second of [2, 5, 9, 12, 19]) expect(Math.abs(seconds[second]! - 100)).toBeLessThanOrEqual(2);
  });

  it('may be fewer in a burst: a factor below 1 is a lull', () => {
    const bursts = { everySeconds: 10, durationSeconds: 5, factor: 0.1 };
    const [lull, rest] = counts(dueUntil(10_000, { bursts }), 5000);
    expect(Math.abs(lull! - 50)).toBeLessThanOrEqual(1);
    expect(Math.abs(rest! - 500)).toBeLessThanOrEqual(1);
  });

  it('have the time of the run, scaled from its start on', () => {
    expect(intensity().eventTimeAt(1500)).toBe(MIDNIGHT + 1500);
    expect(intensity({ timeScale: 1440 }).eventTimeAt(60_000)).toBe(MIDNIGHT + 24 * HOUR);
    expect(intensity({ timeScale: 0.5 }).eventTimeAt(3)).toBe(MIDNIGHT + 1.5);
  });

  it('are due at the same moments again with the same parameters, each after the one before', () => {
    const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
    const bursts = fc.record({
      everySeconds: number(1, 100),
      durationSeconds: number(0.1, 100),
      factor: number(0.01, 1000),
    });
    const parameters = fc.record({
      eventsPerSecond: number(0.1, 200_000),
      timeScale: number(0.001, 100_000),
      diurnal: fc.boolean(),
      bursts: fc.option(bursts),
    });
    fc.assert(
      fc.property(parameters, (given) => {
        const [one, other] = [intensity(given), intensity(given)];
        let last = 0;
        for (let index = 0; index < 100; index += 1) {
          const next = one.next();
          expect(next).toBeGreaterThan(last);
          expect(other.next()).toBe(next);
          last = next;
        }
      }),
    );
  });
});
