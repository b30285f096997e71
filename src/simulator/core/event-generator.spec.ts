import fc from 'fast-check';
import { defaultWeights } from './default-weights.js';
import { EventGenerator, type GeneratedEvent, type GeneratorParameters } from './event-generator.js';
import { faultReasons } from './faults.js';
import { formatTimestamp } from './telecom-event.js';

const START = 1_762_596_930_123_456;

/** That many events, a millisecond apart. */
function generate(count: number, parameters: Partial<GeneratorParameters> = {}): GeneratedEvent[] {
  const generator = new EventGenerator({ seed: 7, invalidRate: 0, ...parameters });
  return Array.from({ length: count }, (_, index) => generator.next(START + index * 1000));
}

const withoutTooLate = { ...defaultWeights.invalidWeights, too_late: 0 };

const parse = ({ value }: GeneratedEvent): Record<string, unknown> =>
  JSON.parse(String(value)) as Record<string, unknown>;

const shares = (values: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    [...new Set(values)].map((value) => [
      value,
      values.filter((other) => other === value).length / values.length,
    ]),
  );

const range = (values: readonly number[]): [number, number] => [
  values.reduce((a, b) => Math.min(a, b)),
  values.reduce((a, b) => Math.max(a, b)),
];

function expectNear(share: number | undefined, expected: number, tolerance: number): void {
  expect(Math.abs((share ?? 0) - expected)).toBeLessThan(tolerance);
}

describe('the traffic', () => {
  const events = generate(40_000);

  it('is 60 % data sessions, 25 % calls, 10 % SMS and 5 % recharges', () => {
    const share = shares(events.map(({ event }) => event.type));
    expectNear(share.data_session, 0.6, 0.01);
    expectNear(share.call, 0.25, 0.01);
    expectNear(share.sms, 0.1, 0.01);
    expectNear(share.balance_recharge, 0.05, 0.01);
  });

  it('comes evenly from the four regions', () => {
    const share = shares(events.map(({ event }) => event.region));
    expect(Object.keys(share).sort()).toEqual(Object.keys(defaultWeights.regionWeights).sort());
    for (const region of Object.keys(defaultWeights.regionWeights)) expectNear(share[region], 0.25, 0.01);
  });

  it('goes in and out evenly, where it has a direction', () => {
    for (const type of ['call', 'sms']) {
      const share = shares(
        events.filter(({ event }) => event.type === type).map(({ event }) => event.subtype ?? 'none'),
      );
      expect(Object.keys(share).sort()).toEqual(['incoming', 'outgoing']);
      expectNear(share.incoming, 0.5, 0.03);
    }
  });

  it('fills the ranges of towers, durations, volumes and amounts', () => {
    const of = (type: string) => events.map(({ event }) => event).filter((event) => event.type === type);
    const towers = range(events.map(({ event }) => event.cellTowerId));
    expect(towers[0]).toBeGreaterThanOrEqual(1000);
    expect(towers[0]).toBeLessThan(1010);
    expect(towers[1]).toBeGreaterThan(9990);
    expect(towers[1]).toBeLessThanOrEqual(9999);
    expect(range(of('call').map((event) => event.durationSeconds!))).toEqual([5, 599]);
    const [shortest, longest] = range(of('data_session').map((event) => event.durationSeconds!));
    expect(shortest).toBe(60);
    expect(longest).toBe(3600);
    const [least, most] = range(of('data_session').map((event) => event.dataMb!));
    expect(least).toBeGreaterThanOrEqual(5);
    expect(least).toBeLessThan(5.2);
    expect(most).toBeGreaterThan(499.8);
    expect(most).toBeLessThanOrEqual(500);
    const [cheapest, dearest] = range(of('balance_recharge').map((event) => event.amount!));
    expect(cheapest).toBeGreaterThanOrEqual(100);
    expect(cheapest).toBeLessThan(105);
    expect(dearest).toBeGreaterThan(995);
    expect(dearest).toBeLessThanOrEqual(1000);
  });

  it('never repeats an event id', () => {
    expect(new Set(events.map(({ event }) => event.eventId)).size).toBe(events.length);
  });

  it('comes from subscribers who come again, each at home in one region', () => {
    const homes = new Map<string, Set<string>>();
    for (const { event } of events)
      homes.set(event.msisdn, (homes.get(event.msisdn) ?? new Set()).add(event.region));
    expect(homes.size).toBeGreaterThan(9000);
    expect(homes.size).toBeLessThanOrEqual(10_000);
    expect([...homes.values()].every((home) => home.size === 1)).toBe(true);
  });
});

describe('an event', () => {
  const events = generate(500);
  const fieldsOf = (type: string): string[] =>
    Object.keys(parse(events.find(({ event }) => event.type === type)!));
  const common = [
    'event_id',
    'msisdn',
    'region',
    'cell_tower_id',
    'timestamp',
    'event_type',
    'event_subtype',
  ];

  it('has the fields of its type, in the order of the existing producer, with its misspelling', () => {
    expect(fieldsOf('data_session')).toEqual([...common, 'uration_seconds', 'data_mb']);
    expect(fieldsOf('call')).toEqual([...common, 'duration_seconds']);
    expect(fieldsOf('sms')).toEqual(common);
    expect(fieldsOf('balance_recharge')).toEqual([...common, 'amount']);
  });

  it('says in bytes what it says in facts', () => {
    for (const generated of events) {
      const { event } = generated;
      const record = parse(generated);
      expect(record).toMatchObject({
        event_id: event.eventId,
        msisdn: event.msisdn,
        region: event.region,
        cell_tower_id: event.cellTowerId,
        event_type: event.type,
        event_subtype: event.subtype,
      });
      expect(record.duration_seconds ?? record.uration_seconds ?? null).toBe(event.durationSeconds);
      expect(record.data_mb ?? null).toBe(event.dataMb);
      expect(record.amount ?? null).toBe(event.amount);
      expect(generated.fault).toBeNull();
    }
  });

  it('has the time it was given, to the microsecond', () => {
    const generator = new EventGenerator({ seed: 1, invalidRate: 0 });
    expect(parse(generator.next(START)).timestamp).toBe('2025-11-08T10:15:30.123456Z');
  });

  it('has the msisdn, 13 digits, as its key', () => {
    for (const { key, event } of events) {
      expect(key).toBe(event.msisdn);
      expect(key).toMatch(/^\d{13}$/);
    }
  });
});

describe('a seed', () => {
  const bytes = (events: readonly GeneratedEvent[]): (string | null)[] =>
    events.map(({ value }) => value?.toString('latin1') ?? null);

  it('gives the same bytes, keys and faults again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, invalidRate) => {
          expect(generate(50, { seed, invalidRate })).toEqual(generate(50, { seed, invalidRate }));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('gives the bytes it has always given', () => {
    expect(bytes(generate(2, { seed: 42 }))).toMatchInlineSnapshot(`
     [
       "{"event_id": "5fe1dc66-cbea-4db3-b362-035c2ef5950e", "msisdn": "5514100483617", "region": "Pavlodar", "cell_tower_id": 6857, "timestamp": "2025-11-08T10:15:30.123456Z", "event_type": "data_session", "event_subtype": null, "uration_seconds": 259, "data_mb": 485.11}",
       "{"event_id": "b8d4e957-d51a-45eb-b044-fd9d365bdb25", "msisdn": "9163650402563", "region": "Almaty", "cell_tower_id": 2255, "timestamp": "2025-11-08T10:15:30.124456Z", "event_type": "data_session", "event_subtype": null, "uration_seconds": 1094, "data_mb": 487.01}",
     ]
    `);
  });

  it('is not disturbed by another generator', () => {
    const one = new EventGenerator({ seed: 7, invalidRate: 0 });
    const other = new EventGenerator({ seed: 8, invalidRate: 0 });
    const interleaved = Array.from({ length: 20 }, (_, index) => {
      other.next(START);
      return one.next(START + index * 1000);
    });
    expect(interleaved).toEqual(generate(20));
  });

  it('other than this one gives other events', () => {
    expect(bytes(generate(1, { seed: 8 }))).not.toEqual(bytes(generate(1)));
  });
});

describe('weights', () => {
  it('decide which types, regions and reasons there are', () => {
    const events = generate(1000, {
      typeWeights: { sms: 1, call: 3 },
      regionWeights: { Öskemen: 1, Almaty: 0 },
      invalidWeights: { invalid_amount: 1 },
      invalidRate: 0.5,
    });
    const share = shares(events.map(({ event }) => event.type));
    expectNear(share.call, 0.75, 0.05);
    expectNear(share.sms, 0.25, 0.05);
    expect(new Set(events.map(({ event }) => event.region))).toEqual(new Set(['Öskemen']));
    expect(new Set(events.map(({ fault }) => fault))).toEqual(new Set([null, 'invalid_amount']));
  });

  it('are the same in whatever order they are named: a database may store them in another', () => {
    const weights = {
      typeWeights: { data_session: 60, call: 25, sms: 10, balance_recharge: 5 },
      regionWeights: { Almaty: 3, Astana: 1, Ақтау: 2 },
      invalidWeights: { malformed_json: 1, invalid_region: 5, future_timestamp: 2 },
    };
    const reversed = Object.fromEntries(
      Object.entries(weights).map(([name, each]) => [
        name,
        Object.fromEntries(Object.entries(each).reverse()),
      ]),
    );
    expect(generate(200, { invalidRate: 0.3, ...reversed })).toEqual(
      generate(200, { invalidRate: 0.3, ...weights }),
    );
  });

  it('of regions with any letters give records in UTF-8', () => {
    const regionWeights = { Қарағанды: 1, '東京 — ÿ': 1, '🛰️': 1, "O'Higgins: a/b {c} [d]": 1 };
    const events = generate(200, { regionWeights });
    expect(new Set(events.map((event) => parse(event).region))).toEqual(new Set(Object.keys(regionWeights)));
    for (const event of events) expect(parse(event).region).toBe(event.event.region);
  });
});

describe('futureRate', () => {
  it('is the share of whole events with a time that lies ahead', () => {
    const events = generate(20_000, {
      futureRate: 0.1,
      invalidRate: 0.2,
      invalidWeights: { invalid_amount: 1 },
    });
    const share = shares(events.map(({ fault }) => fault ?? 'whole'));
    expectNear(share.future_timestamp, 0.08, 0.01);
    expectNear(share.invalid_amount, 0.2, 0.01);
  });

  it('changes nothing but their timestamps', () => {
    const clean = generate(500);
    generate(500, { futureRate: 0.3 }).forEach((event, index) => {
      const { timestamp, ...rest } = parse(event);
      const { timestamp: before, ...others } = parse(clean[index]!);
      expect(rest).toEqual(others);
      expect(timestamp !== before).toBe(event.fault === 'future_timestamp');
    });
  });
});

describe('invalidRate', () => {
  it('is the share of broken events, spread evenly over the reasons; oversized ones come only when named', () => {
    const events = generate(40_000, { invalidRate: 0.25 });
    const share = shares(events.map(({ fault }) => fault ?? 'whole'));
    const moved = events.filter(({ event }, index) => event.eventTime !== START + index * 1000);
    const reasons = faultReasons.filter((reason) => reason !== 'oversized');
    expectNear(moved.length / events.length, 0.25 / 11, 0.003);
    expectNear((share.whole ?? 0) - moved.length / events.length, 0.75, 0.01);
    expect(Object.keys(share).sort()).toEqual(['whole', ...reasons].sort());
    for (const reason of reasons) expectNear(share[reason], 0.25 / 11, 0.003);
  });

  it.each([
    [0, 0],
    [1, 100],
  ])('of %d breaks %d %% of the events', (invalidRate, percent) => {
    const broken = generate(1000, { invalidRate, invalidWeights: withoutTooLate }).filter(
      ({ fault }) => fault !== null,
    );
    expect(broken).toHaveLength(percent * 10);
  });

  it('changes nothing but the bytes of the events it breaks', () => {
    const clean = generate(1000);
    const mixed = generate(1000, { invalidRate: 0.3, invalidWeights: withoutTooLate });
    expect(mixed.map(({ event }) => event)).toEqual(clean.map(({ event }) => event));
    mixed.forEach(({ fault, value }, index) => {
      if (fault === null) expect(value).toEqual(clean[index]!.value);
      else expect(value).not.toEqual(clean[index]!.value);
    });
  });
});

describe('an oversized event', () => {
  const oversized = { invalidRate: 1, invalidWeights: { oversized: 1 } };

  it('is larger than a MiB, if nobody says otherwise', () => {
    for (const { value, fault } of generate(5, oversized)) {
      expect(fault).toBe('oversized');
      expect(value!.length).toBeGreaterThan(1_048_576);
    }
  });

  it('is larger than maxEventBytes, and else is the event', () => {
    for (const generated of generate(50, { ...oversized, maxEventBytes: 2000 })) {
      expect(generated.value!.length).toBeGreaterThan(2000);
      expect(generated.value!.length).toBeLessThanOrEqual(3000);
      expect(parse(generated)).toMatchObject({ event_id: generated.event.eventId });
    }
  });
});

describe('an event that shall be too late', () => {
  const tooLate = { invalidRate: 1, invalidWeights: { too_late: 1 } };

  it('is whole, with a time that is two days more than maxLatenessSeconds before that it was given', () => {
    for (const [given, days] of [
      [{}, 9],
      [{ maxLatenessSeconds: 3600 * 12 }, 2.5],
    ] as const) {
      const clean = generate(100);
      generate(100, { ...tooLate, ...given }).forEach((generated, index) => {
        const eventTime = START + index * 1000 - days * 86_400e6;
        expect(generated.fault).toBeNull();
        expect(generated.event).toEqual({ ...clean[index]!.event, eventTime });
        expect(parse(generated)).toEqual({
          ...parse(clean[index]!),
          timestamp: formatTimestamp(eventTime),
        });
      });
    }
  });
});
