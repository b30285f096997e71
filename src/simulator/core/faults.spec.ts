import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { judgeAhead, judgeContent } from '../../ingestion/core/judge.js';
import { EventGenerator } from './event-generator.js';
import { faultReasons, faults, type FaultReason } from './faults.js';
import type { TelecomEvent } from './telecom-event.js';

/** 2025-11-08T10:15:30.123Z, the time of the event and, to the millisecond, of its record. */
const NOW = 1_762_596_930_123;
const MAX_EVENT_BYTES = 1_048_576;

describe('every fault', () => {
  const events = sampleOfEachType();
  const cases = faultReasons.flatMap((reason) =>
    faults[reason].map((_, index) => [reason, index + 1] as const),
  );

  it.each(cases)('of %s, number %d, breaks that rule first, whatever the type of event', (reason, number) => {
    for (const event of events) expect(judge(write(reason, number, event), NOW)).toBe(reason);
  });

  it.each(cases)('of %s, number %d, is one to the pipeline as well', (reason, number) => {
    for (const event of events) {
      const verdict = judgeContent(write(reason, number, event), MAX_EVENT_BYTES);
      expect(verdict.reason ?? judgeAhead(verdict.eventTime, NOW)?.reason).toBe(reason);
    }
  });

  it.each(cases)('of %s, number %d, leaves all other rules unbroken', (reason, number) => {
    if (reason === 'malformed_json') return;
    for (const event of events) {
      const record = parse(write(reason, number, event))!;
      expect(brokenRules(record, NOW)).toEqual(reason === 'oversized' ? [] : [reason]);
    }
  });
});

it('the rules accept what is not broken', () => {
  for (const { event, value } of unbroken(200))
    expect({ event, verdict: judge(value, NOW) }).toEqual({ event, verdict: null });
});

it('a future timestamp is one even when its record has waited in the simulator for hours', () => {
  for (const event of sampleOfEachType())
    for (const fault of faults.future_timestamp)
      expect(judge(fault(event, MAX_EVENT_BYTES), NOW + 12 * 3_600_000)).toBe('future_timestamp');
});

it('a future timestamp is one also in a run whose events are old, or which is to last for years', () => {
  const DAY = 86_400_000;
  for (const event of sampleOfEachType())
    for (const days of [-365, -30, -2, 400])
      for (const fault of faults.future_timestamp) {
        const old = { ...event, eventTime: event.eventTime + days * DAY * 1000 };
        expect(judge(fault(old, MAX_EVENT_BYTES), NOW)).toBe('future_timestamp');
      }
});

it('every fault breaks its one rule in regions with any letters, too', () => {
  for (const region of ['Қарағанды', '東京 — ÿ', '🛰️'.repeat(30), "O'Higgins: a/b {c} [d]", 'x'.repeat(100)])
    for (const event of sampleOfEachType())
      for (const reason of faultReasons)
        for (const fault of faults[reason])
          expect(judge(fault({ ...event, region }, MAX_EVENT_BYTES), NOW)).toBe(reason);
});

it('what a generator means and what the rules make of it are the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const generator = new EventGenerator({ seed, invalidRate: 0.5, futureRate: 0.2 });
      for (let index = 0; index < 50; index += 1) {
        const { value, fault } = generator.next(NOW * 1000 + index);
        expect(judge(value, NOW)).toBe(fault);
      }
    }),
    { numRuns: 50 },
  );
});

describe('an oversized record', () => {
  it('is little more than the limit, whatever that is, and holds the event', () => {
    const limit = fc.integer({ min: 1000, max: 300_000 });
    fc.assert(
      fc.property(limit, fc.constantFrom(...sampleOfEachType()), (maxEventBytes, event) => {
        for (const fault of faults.oversized) {
          const record = fault({ ...event, region: 'Қарағанды' }, maxEventBytes)!;
          expect(record.length).toBeGreaterThan(maxEventBytes);
          expect(record.length).toBeLessThanOrEqual(maxEventBytes + 1000);
          expect(parse(record)).toMatchObject({ event_id: event.eventId, region: 'Қарағанды' });
        }
      }),
      { numRuns: 30 },
    );
  });

  it('holds the whole event also where that alone is larger', () => {
    for (const event of sampleOfEachType())
      for (const fault of faults.oversized)
        expect(parse(fault(event, 1))).toMatchObject({ event_id: event.eventId });
  });

  it('of a MiB is a hundredth of it compressed, which a broker takes', () => {
    for (const event of sampleOfEachType())
      for (const fault of faults.oversized)
        expect(gzipSync(fault(event, MAX_EVENT_BYTES)!).length).toBeLessThan(10_000);
  });
});

function write(reason: FaultReason, number: number, event: TelecomEvent): Buffer | null {
  return faults[reason][number - 1]!(event, MAX_EVENT_BYTES);
}

function unbroken(count: number) {
  const generator = new EventGenerator({ seed: 3, invalidRate: 0 });
  return Array.from({ length: count }, () => generator.next(NOW * 1000));
}

function sampleOfEachType(): TelecomEvent[] {
  const byType = new Map(unbroken(200).map(({ event }) => [event.type, event]));
  expect(byType.size).toBe(4);
  return [...byType.values()];
}

// The rules of DESIGN.md section 1, written again from their text: nothing here is shared with the pipeline.

type Rec = Record<string, unknown>;

function judge(value: Buffer | null, recordTimestamp: number): string | null {
  if (value !== null && value.length > MAX_EVENT_BYTES) return 'oversized';
  const record = parse(value);
  return record === null ? 'malformed_json' : (brokenRules(record, recordTimestamp)[0] ?? null);
}

function parse(value: Buffer | null): Rec | null {
  if (value === null || value.length === 0) return null;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Rec) : null;
  } catch {
    return null;
  }
}

function brokenRules(record: Rec, recordTimestamp: number): string[] {
  const time = instantOf(record.timestamp);
  const rules: [string, boolean][] = [
    ['missing_msisdn', typeof record.msisdn !== 'string' || record.msisdn === ''],
    [
      'unknown_event_type',
      !['data_session', 'call', 'sms', 'balance_recharge'].some((type) => type === record.event_type),
    ],
    ['invalid_duration', !isMeasure(record.duration_seconds)],
    ['invalid_data_volume', !isMeasure(record.data_mb)],
    ['invalid_amount', !isMeasure(record.amount)],
    ['invalid_subtype', !isName(record.event_subtype, 50)],
    ['invalid_region', !isName(record.region, 100)],
    ['invalid_timestamp', time === null],
    ['future_timestamp', time !== null && time > recordTimestamp + 5 * 60_000],
  ];
  return rules.filter(([, broken]) => broken).map(([reason]) => reason);
}

const isMeasure = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'number' && value >= 0 && value <= 1e9);

const isName = (value: unknown, length: number): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.length <= length);

/** Epoch milliseconds, or null. */
function instantOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const [, date, time, zone] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(value) ?? [];
  if (date === undefined) return null;
  const utc = new Date(`${date}T${time}Z`);
  // An impossible date is no date, or is moved to the next month.
  if (Number.isNaN(utc.getTime()) || utc.toISOString().slice(0, 10) !== date) return null;
  if (utc.getUTCFullYear() < 2000) return null;
  return Date.parse(`${date}T${time}${zone ?? 'Z'}`);
}
