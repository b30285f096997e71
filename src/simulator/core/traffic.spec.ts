import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { defaultWeights } from './default-weights.js';
import { Traffic, type SentEvent, type TrafficParameters } from './traffic.js';

const START = Date.UTC(2025, 10, 8, 10);

const parameters = (given: Partial<TrafficParameters> = {}): TrafficParameters => ({
  ...defaultWeights,
  invalidWeights: { ...defaultWeights.invalidWeights, too_late: 0 },
  ...{ seed: 7, startTime: START, eventsPerSecond: 1000, timeScale: 1, diurnal: false, bursts: null },
  ...{ invalidRate: 0, futureRate: 0, lateRate: 0, lateSeconds: 900, outOfOrderSeconds: 0, duplicateRate: 0 },
  ...given,
});

function take(count: number, given: Partial<TrafficParameters> = {}): SentEvent[] {
  const traffic = new Traffic(parameters(given));
  return Array.from({ length: count }, () => traffic.next());
}

/** Listed here, so that a new reason changes no bytes. */
const contentFaults = [
  ...['malformed_json', 'missing_msisdn', 'unknown_event_type', 'invalid_duration', 'invalid_data_volume'],
  ...['invalid_amount', 'invalid_subtype', 'invalid_region', 'invalid_timestamp', 'future_timestamp'],
];

const DAY_MICROS = 86_400e6;

const text = ({ value }: SentEvent): string | null => value?.toString('latin1') ?? null;
/** All of a record in one text, which compares faster than the objects. */
const written = (sent: SentEvent): string => JSON.stringify({ ...sent, value: text(sent) });
const originals = (events: readonly SentEvent[]): SentEvent[] => events.filter(({ duplicate }) => !duplicate);
const share = (events: readonly SentEvent[], has: (event: SentEvent) => boolean): number =>
  events.filter(has).length / events.length;
/** Microseconds by which the event is older than the moment in which it is due. */
const age = ({ dueAt, event }: SentEvent): number => (START + dueAt) * 1000 - event.eventTime;

function expectNear(value: number, expected: number, tolerance: number): void {
  expect(Math.abs(value - expected)).toBeLessThan(tolerance);
}

const rate = fc.double({ min: 0, max: 1, noNaN: true });
const anyParameters = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  eventsPerSecond: fc.double({ min: 0.1, max: 200_000, noNaN: true }),
  timeScale: fc.double({ min: 0.001, max: 10_000, noNaN: true }),
  diurnal: fc.boolean(),
  bursts: fc.option(fc.constant({ everySeconds: 2, durationSeconds: 1, factor: 10 })),
  invalidRate: rate,
  invalidWeights: fc.constantFrom(defaultWeights.invalidWeights, { too_late: 1, invalid_amount: 1 }),
  futureRate: rate,
  lateRate: rate,
  lateSeconds: fc.double({ min: 0, max: 86_400, noNaN: true }),
  outOfOrderSeconds: fc.double({ min: 0, max: 3600, noNaN: true }),
  duplicateRate: rate,
});

describe('the same parameters', () => {
  it('give the same records, moments and faults, whatever the pace at which they are taken', () => {
    fc.assert(
      fc.property(
        anyParameters,
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 8 }),
        (given, pace) => {
          const atOnce = take(160, given);
          // Beside another run, now some events, now some more.
          const [traffic, other] = [new Traffic(parameters(given)), new Traffic(parameters({ seed: 99 }))];
          const inPieces: SentEvent[] = [];
          for (const piece of [...pace, 160]) {
            other.next();
            for (let index = 0; index < piece && inPieces.length < 160; index += 1)
              inPieces.push(traffic.next());
          }
          expect(inPieces.map(written)).toEqual(atOnce.map(written));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('give the bytes they have always given', () => {
    const everything = {
      seed: 42,
      invalidRate: 0.2,
      lateRate: 0.3,
      outOfOrderSeconds: 10,
      duplicateRate: 0.5,
    };
    expect(take(4, everything).map(text)).toMatchInlineSnapshot(`
     [
       "{"event_id": "5fe1dc66-cbea-4db3-b362-035c2ef5950e", "msisdn": "5514100483617", "region": "Pavlodar", "cell_tower_id": 6857, "timestamp": "2025-11-08T09:59:52.209912Z", "event_type": "data_session", "event_subtype": null, "uration_seconds": 259, "data_mb": 485.11}",
       "{"event_id": "b8d4e957-d51a-45eb-b044-fd9d365bdb25", "msisdn": "9163650402563", "region": "Almaty", "cell_tower_id": 2255, "timestamp": "2025-11-08T09:59:53.769232Z", "event_type": "data_session", "event_subtype": null, "uration_seconds": 1094, "data_mb": 487.01}",
       "{"event_id": "5dc9e3cf-3b96-470e-b4c1-00bd1731fbbd", "msisdn": "1359540866140", "region": "Taraz", "cell_tower_id": 1119, "timestamp": "2025-11-08T09:59:53.305531Z", "event_type": "sms", "event_subtype": "outgoing"}",
       "{"event_id": "f733a93b-9033-480d-8ef3-20f162aaa7f9", "msisdn": "0262461648019", "region": "Astana", "cell_tower_id": 4519, "timestamp": "2025-11-08T09:59:54.315833Z", "event_type": "data_session", "event_subtype": null, "uration_seconds": 705, "data_mb": 332.95}",
     ]
    `);
  });

  it('give the bytes, facts and moments they have always given, with everything there is', () => {
    const everything = {
      ...{
        seed: 42,
        diurnal: true,
        bursts: { everySeconds: 3, durationSeconds: 1, factor: 4 },
        timeScale: 7.3,
      },
      ...{ invalidRate: 0.3, futureRate: 0.1, lateRate: 0.2, outOfOrderSeconds: 10.7, duplicateRate: 0.2 },
      regionWeights: { Almaty: 3, Қарағанды: 2, "O'Higgins — ÿ": 1, 東京: 0 },
      invalidWeights: Object.fromEntries(contentFaults.map((reason, index) => [reason, index + 1])),
    };
    const hash = createHash('sha256');
    for (const { key, value, event, fault, dueAt, duplicate } of take(20_000, everything)) {
      hash.update(`${key} ${value?.length ?? 'tombstone'} ${fault ?? 'accepted'} ${dueAt} ${duplicate}`);
      hash.update(JSON.stringify(event)).update(value ?? '');
    }
    expect(hash.digest('hex')).toMatchInlineSnapshot(
      `"352c9f9b1f653d08dce03a5f5af8bff532f6a1de6dcf4c252db437abae6dfcea"`,
    );
  });
});

describe('the shares that were asked for', () => {
  const given = { invalidRate: 0.05, futureRate: 0.03, lateRate: 0.1, duplicateRate: 0.02 };
  const events = take(40_000, given);

  it('of broken events', () => {
    expectNear(
      share(events, ({ fault }) => fault !== null && fault !== 'future_timestamp'),
      0.045,
      0.005,
    );
  });

  it('of events of the future, beside those that are broken that way', () => {
    expectNear(
      share(events, ({ fault }) => fault === 'future_timestamp'),
      0.005 + 0.95 * 0.03,
      0.004,
    );
  });

  it('of late events', () => {
    expectNear(
      share(events, (event) => age(event) > 1e6),
      0.1,
      0.006,
    );
  });

  it('of repeats: to 100 events, 2 more', () => {
    expectNear(events.filter(({ duplicate }) => duplicate).length / originals(events).length, 0.02, 0.003);
  });

  it.each([0, 1])('are exact at %d', (all) => {
    expect(share(take(1000, { invalidRate: all }), ({ fault }) => fault !== null)).toBe(all);
    expect(share(take(1000, { futureRate: all }), ({ fault }) => fault === 'future_timestamp')).toBe(all);
    expect(share(take(1000, { lateRate: all }), (event) => age(event) > 1e6)).toBe(all);
  });

  it('leave room for new events when every one is to come twice', () => {
    const twice = take(10_000, { duplicateRate: 1 });
    expectNear(
      share(twice, ({ duplicate }) => duplicate),
      0.5,
      0.01,
    );
  });
});

describe('an event time', () => {
  it('is the moment in which the event is due, and never ahead of it', () => {
    const ages = take(1000).map(age);
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...ages)).toBeLessThan(1.001);
    fc.assert(
      fc.property(anyParameters, (given) => {
        const ahead = take(50, given).filter(
          ({ dueAt, event }) => event.eventTime > (START + dueAt * given.timeScale) * 1000,
        );
        expect(ahead).toEqual([]);
      }),
    );
  });

  it('of a late event is lateSeconds before that', () => {
    const ages = take(5000, { lateRate: 0.5, lateSeconds: 123.5 }).map(age);
    const late = ages.filter((each) => each > 1e6);
    expectNear(late.length / ages.length, 0.5, 0.03);
    expect(Math.min(...late)).toBeGreaterThan(123_499_999);
    expect(Math.max(...late)).toBeLessThan(123_500_002);
  });

  it('out of order is up to outOfOrderSeconds before that, evenly', () => {
    const ages = take(5000, { outOfOrderSeconds: 30 }).map(age);
    expectNear(ages.reduce((sum, each) => sum + each) / ages.length, 15_000_000, 500_000);
    expectNear(Math.max(...ages), 29_500_001, 500_001);
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...ages)).toBeLessThan(500_000);
  });

  it('of an event that shall be too late is two days more than that before, and moves with the others', () => {
    const given = { invalidRate: 0.5, invalidWeights: { too_late: 1 }, lateRate: 0.5, outOfOrderSeconds: 60 };
    const [moved, plain] = [take(2000, given), take(2000, { ...given, invalidRate: 0 })];
    const by = moved.map(({ event }, index) => plain[index]!.event.eventTime - event.eventTime);
    expect(new Set(by)).toEqual(new Set([0, 9 * DAY_MICROS]));
    expectNear(by.filter((each) => each > 0).length / 2000, 0.5, 0.04);
    const withDays = take(2000, { ...given, maxLatenessSeconds: 86_400.5 });
    expect(withDays.map(({ event }, index) => plain[index]!.event.eventTime - event.eventTime)).toEqual(
      by.map((each) => (each > 0 ? 3 * DAY_MICROS + 500_000 : 0)),
    );
  });

  it('of an event that shall be too late is so to all that were sent before, as out of order as may be', () => {
    const given = {
      ...{ seed: 3, invalidRate: 0.2, invalidWeights: { too_late: 1, malformed_json: 1 } },
      ...{ outOfOrderSeconds: 86_400, lateRate: 0.2, lateSeconds: 3600 },
    };
    let newest = Number.NEGATIVE_INFINITY;
    let tooLate = 0;
    for (const sent of take(5000, given)) {
      if (sent.fault !== null) continue;
      const { eventTime } = sent.event;
      if (age(sent) < 9 * DAY_MICROS) newest = Math.max(newest, eventTime);
      else if (newest > 0) {
        expect(newest - eventTime).toBeGreaterThan(7 * DAY_MICROS);
        tooLate += 1;
      }
    }
    expect(tooLate).toBeGreaterThan(400);
  });

  it('may be both', () => {
    const ages = take(500, { lateRate: 1, lateSeconds: 900, outOfOrderSeconds: 30 }).map(age);
    expect(Math.min(...ages)).toBeGreaterThan(899_999_999);
    expect(Math.max(...ages)).toBeLessThan(930_000_002);
  });

  it('is in steps of a scaled time', () => {
    const [first, second] = take(2, { timeScale: 1440, eventsPerSecond: 10 });
    expect(first!.event.eventTime).toBe((START + 144_000) * 1000);
    expect(second!.event.eventTime).toBe((START + 288_000) * 1000);
  });
});

describe('a repeat', () => {
  const events = take(20_000, { duplicateRate: 0.02, invalidRate: 0.1, outOfOrderSeconds: 5 });
  const positions = new Map(
    events.map((each, index) => [each.event.eventId, index]).reverse() as [string, number][],
  );

  it('is its original, byte for byte, with the same key, at most 50 events later', () => {
    const repeats = events.flatMap((each, index) => (each.duplicate ? [[each, index] as const] : []));
    expect(repeats.length).toBeGreaterThan(300);
    const distances = repeats.map(([repeat, index]) => {
      const position = positions.get(repeat.event.eventId)!;
      const original = events[position]!;
      expect(original.duplicate).toBe(false);
      expect([repeat.key, repeat.value, repeat.fault]).toEqual([
        original.key,
        original.value,
        original.fault,
      ]);
      expect(repeat.dueAt).toBeGreaterThan(original.dueAt);
      return index - position;
    });
    expect(Math.min(...distances)).toBe(1);
    // A moment that is taken moves a repeat on by one.
    expect(Math.max(...distances)).toBeLessThanOrEqual(52);
    expect(distances.filter((distance) => distance > 50).length).toBeLessThan(5);
  });

  it('comes once', () => {
    const ids = events.filter(({ duplicate }) => duplicate).map(({ event }) => event.eventId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(originals(events).map(({ event }) => event.eventId)).size).toBe(originals(events).length);
  });

  it('is an event of the rate: it takes the place of a new one', () => {
    expect(events.map(({ dueAt }) => dueAt)).toEqual(take(20_000).map(({ dueAt }) => dueAt));
  });
});

describe('one parameter changes nothing but what it is about', () => {
  const plain = take(2000);
  const facts = (events: readonly SentEvent[]): object[] =>
    events.map(({ event }) => ({ ...event, eventTime: null }));
  const times = (events: readonly SentEvent[]): number[] => events.map(({ event }) => event.eventTime);

  it('invalidRate and futureRate: the bytes of the events they break', () => {
    for (const given of [{ invalidRate: 0.2 }, { futureRate: 0.2 }]) {
      const mixed = take(2000, given);
      expect(mixed.map(({ event, dueAt }) => [event, dueAt])).toEqual(
        plain.map(({ event, dueAt }) => [event, dueAt]),
      );
      const whole = mixed.flatMap(({ fault }, index) => (fault === null ? [index] : []));
      expect(whole.length).toBeGreaterThan(1500);
      expect(whole.map((index) => text(mixed[index]!))).toEqual(whole.map((index) => text(plain[index]!)));
    }
  });

  it('lateRate: the times of the events that are late', () => {
    const mixed = take(2000, { lateRate: 0.2, lateSeconds: 60 });
    expect(facts(mixed)).toEqual(facts(plain));
    const moved = mixed.filter((each, index) => each.event.eventTime !== plain[index]!.event.eventTime);
    expectNear(moved.length / 2000, 0.2, 0.03);
  });

  it('lateSeconds: how old those are, not which', () => {
    const [short, long] = [60, 3600].map((lateSeconds) => take(2000, { lateRate: 0.2, lateSeconds }));
    const late = (events: readonly SentEvent[]): boolean[] => events.map((each) => age(each) > 1e6);
    expect(late(short!)).toEqual(late(long!));
  });

  it('outOfOrderSeconds: the times', () => {
    const mixed = take(2000, { outOfOrderSeconds: 60 });
    expect(facts(mixed)).toEqual(facts(plain));
    expect(times(mixed)).not.toEqual(times(plain));
  });

  it('duplicateRate: what comes between; originals are as they were, though due later', () => {
    const others = { invalidRate: 0.2, futureRate: 0.1, lateRate: 0.3, outOfOrderSeconds: 60 };
    const once = take(2000, others);
    const fresh = originals(take(2000, { ...others, duplicateRate: 0.1 }));
    expect(fresh.length).toBeLessThan(1900);
    const same = once.slice(0, fresh.length);
    expect(facts(fresh)).toEqual(facts(same));
    expect(fresh.map(({ fault }) => fault)).toEqual(same.map(({ fault }) => fault));
    // Times and ages are whole microseconds.
    const moved = fresh.filter((each, index) => Math.abs(age(each) - age(same[index]!)) > 2);
    expect(moved).toEqual([]);
  });

  it('eventsPerSecond, timeScale, startTime, diurnal and bursts: the times', () => {
    for (const given of [
      { eventsPerSecond: 3 },
      { timeScale: 60 },
      { startTime: START + 1 },
      { diurnal: true },
      { bursts: { everySeconds: 2, durationSeconds: 1, factor: 3 } },
    ]) {
      const other = take(2000, given);
      expect(facts(other)).toEqual(facts(plain));
      expect(times(other)).not.toEqual(times(plain));
    }
  });

  it('typeWeights: types, and what goes with them; not who, where and when', () => {
    const calls = take(1, { typeWeights: { call: 1 } });
    expect(calls[0]!.event).toMatchObject({
      eventId: plain[0]!.event.eventId,
      msisdn: plain[0]!.event.msisdn,
      region: plain[0]!.event.region,
      eventTime: plain[0]!.event.eventTime,
      type: 'call',
    });
  });
});
