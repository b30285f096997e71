import fc from 'fast-check';
import { startRunSchema } from '../simulator.schemas.js';
import { defaultWeights } from './default-weights.js';
import { Intensity } from './intensity.js';
import { expectedEvents, runParameters } from './run-parameters.js';

const NOW = 1_762_596_930_123;
const DAY = 86_400_000;

const parametersOf = (request: object) => runParameters(startRunSchema.parse(request), NOW);

const startOf = (request: object): number => parametersOf(request).startTime;

describe('a request', () => {
  it('that leaves everything out has a default for everything', () => {
    expect(parametersOf({})).toEqual({
      eventsPerSecond: 50,
      totalEvents: null,
      durationSeconds: null,
      startTime: NOW,
      timeScale: 1,
      ...defaultWeights,
      diurnal: false,
      bursts: null,
      invalidRate: 0,
      futureRate: 0,
      lateRate: 0,
      lateSeconds: 900,
      outOfOrderSeconds: 0,
      duplicateRate: 0,
    });
  });

  it('gets what it asks for', () => {
    const request = {
      eventsPerSecond: 0.5,
      totalEvents: 10,
      durationSeconds: 3,
      timeScale: 60,
      typeWeights: { call: 1 },
      bursts: { everySeconds: 10, durationSeconds: 1, factor: 5 },
    };
    expect(parametersOf({ ...request, startTime: '2025-11-01T00:00:00Z' })).toMatchObject({
      ...request,
      startTime: Date.UTC(2025, 10, 1),
    });
  });
});

describe('a run without startTime', () => {
  it('begins now, as slow as time or slower', () => {
    expect(startOf({ totalEvents: 1000 })).toBe(NOW);
    expect(startOf({ timeScale: 0.5, durationSeconds: 60 })).toBe(NOW);
  });

  it('faster than time begins so early that it ends now', () => {
    expect(startOf({ timeScale: 1440, durationSeconds: 60 })).toBe(NOW - DAY);
    expect(startOf({ timeScale: 60, eventsPerSecond: 100, totalEvents: 6000 })).toBe(NOW - 3_600_000);
    // Whichever end comes first.
    expect(startOf({ timeScale: 60, eventsPerSecond: 100, totalEvents: 6000, durationSeconds: 30 })).toBe(
      NOW - 1_800_000,
    );
  });

  it('that follows the day begins early enough for a run in the quietest hour', () => {
    expect(startOf({ timeScale: 10, eventsPerSecond: 100, totalEvents: 6000, diurnal: true })).toBe(
      NOW - 4 * 600_000,
    );
  });

  it('and without an end begins a month ago', () => {
    expect(startOf({ timeScale: 1440 })).toBe(NOW - 30 * DAY);
  });

  it('gives no event a time that is ahead of the moment in which it is sent', () => {
    const request = fc.record(
      {
        eventsPerSecond: fc.double({ min: 10, max: 1000, noNaN: true }),
        timeScale: fc.double({ min: 0.001, max: 1000, noNaN: true }),
        totalEvents: fc.integer({ min: 1, max: 1000 }),
        durationSeconds: fc.double({ min: 0.1, max: 1000, noNaN: true }),
        diurnal: fc.boolean(),
        bursts: fc.record({
          everySeconds: fc.constant(10),
          durationSeconds: fc.constant(4),
          factor: fc.double({ min: 0.1, max: 10, noNaN: true }),
        }),
      },
      { requiredKeys: ['eventsPerSecond', 'timeScale', 'totalEvents'] },
    );
    fc.assert(
      fc.property(request, (given) => {
        const parameters = parametersOf(given);
        const intensity = new Intensity(parameters.startTime, parameters);
        const end = (parameters.durationSeconds ?? Number.POSITIVE_INFINITY) * 1000;
        for (let count = 0; count < parameters.totalEvents!; count += 1) {
          const dueAt = intensity.next();
          if (dueAt > end) break;
          // A tenth of a microsecond, a thousandth of what an event time shows: rounding.
          expect(intensity.eventTimeAt(dueAt)).toBeLessThanOrEqual(NOW + dueAt + 0.001);
        }
      }),
    );
  });
});

describe('a run that is not paced', () => {
  const startOf = (request: object): number =>
    runParameters(startRunSchema.parse(request), NOW, false).startTime;

  it('begins so early that its events end now, for all of them are sent at once', () => {
    expect(startOf({ eventsPerSecond: 100, totalEvents: 6000 })).toBe(NOW - 60_000);
    expect(startOf({ durationSeconds: 60, timeScale: 0.5 })).toBe(NOW - 30_000);
    expect(startOf({})).toBe(NOW - 30 * DAY);
  });

  it('begins when it is told to', () => {
    expect(startOf({ startTime: '2025-11-01T00:00:00Z' })).toBe(Date.UTC(2025, 10, 1));
  });
});

describe('the number of events of a run', () => {
  const countOf = (request: object): number | null => expectedEvents(parametersOf(request));

  it('is that of the end that comes first', () => {
    expect(countOf({ eventsPerSecond: 100, totalEvents: 6000 })).toBe(6000);
    expect(countOf({ eventsPerSecond: 100, durationSeconds: 10 })).toBe(1000);
    expect(countOf({ eventsPerSecond: 100, totalEvents: 600, durationSeconds: 10 })).toBe(600);
    expect(countOf({})).toBeNull();
  });

  it('has those of bursts', () => {
    const bursts = { everySeconds: 10, durationSeconds: 1, factor: 11 };
    expect(countOf({ eventsPerSecond: 100, durationSeconds: 20, bursts })).toBe(4000);
  });
});
