import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { WindowDeltas } from '../../aggregation/core/window-deltas.js';
import { logRecord, type LogRecord } from '../../transport/record-batch.js';
import { takeIn, type IntakeRules } from './intake.js';
import { judged } from './judge.js';
import { emptyLedger, imbalanceOf, type Ledger } from './ledger.js';
import { PartitionDelta } from './partition-delta.js';
import { RecentIds } from './recent-ids.js';

const rules: IntakeRules = {
  maxEventBytes: 1_048_576,
  maxLateness: 7 * 86_400_000_000,
  watermarkDelay: 60_000_000,
  lateEvents: 'amend',
};
const origin = { topic: 'telecom_events', partition: 0, incarnation: 1 };
const NOON = Date.parse('2025-11-08T12:00:00Z');

const valid = {
  msisdn: '77010000001',
  region: 'Almaty',
  timestamp: '2025-11-08T12:00:00Z',
  event_type: 'sms',
};
const record = (value: string | Buffer | null, offset = 0, timestamp = NOON): LogRecord =>
  logRecord(offset, timestamp, typeof value === 'string' ? Buffer.from(value) : value);
const event = (fields: object = {}, offset = 0): LogRecord =>
  record(JSON.stringify({ ...valid, ...fields }), offset);
const at = (time: string, fields: object = {}) => event({ timestamp: `2025-11-08T${time}Z`, ...fields });

function take(
  records: readonly LogRecord[],
  over: Partial<IntakeRules> = {},
  delta = new PartitionDelta(0n, null),
) {
  const by = { ...rules, ...over };
  for (const each of records) takeIn(judged(each, by.maxEventBytes), origin, delta, by, NOON);
  return delta;
}
const reasonOf = (value: LogRecord): string => take([value]).anomalies[0]?.reason ?? 'counted';
const rowOf = (delta: PartitionDelta, type: string) =>
  [...delta.windows].find((row) => row.metricType === type);

describe('the rules about one record', () => {
  it.each<[string, LogRecord]>([
    ['oversized', record(Buffer.alloc(1_048_577, ' '))],
    ['malformed_json', record(null)],
    ['malformed_json', record('')],
    ['malformed_json', record('not json')],
    ['malformed_json', record('{"a":')],
    ['malformed_json', record('[]')],
    ['malformed_json', record('"x"')],
    ['malformed_json', record('null')],
    ['malformed_json', record('42')],
    ['malformed_json', record(`\uFEFF${JSON.stringify(valid)}`)],
    [
      'malformed_json',
      record(Buffer.concat([Buffer.from('{"msisdn":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])),
    ],
    ['malformed_json', record(JSON.stringify(valid).replace('77010000001', 'a\0b'))],
    ['missing_msisdn', event({ msisdn: undefined })],
    ['missing_msisdn', event({ msisdn: null })],
    ['missing_msisdn', event({ msisdn: '' })],
    ['missing_msisdn', event({ msisdn: 77010000001 })],
    [
      'missing_msisdn',
      record('{"__proto__":{"msisdn":"1","event_type":"sms","timestamp":"2025-11-08T12:00:00Z"}}'),
    ],
    ['unknown_event_type', event({ event_type: 'mms' })],
    ['unknown_event_type', event({ event_type: undefined })],
    ['unknown_event_type', event({ event_type: ['sms'] })],
    ['invalid_duration', event({ duration_seconds: -1 })],
    ['invalid_duration', event({ duration_seconds: '60' })],
    ['invalid_duration', event({ duration_seconds: 1e9 + 1 })],
    ['invalid_data_volume', record(JSON.stringify(valid).replace('}', ',"data_mb":1e400}'))],
    ['invalid_data_volume', event({ data_mb: true })],
    ['invalid_amount', event({ amount: {} })],
    [
      'invalid_amount',
      record(JSON.stringify(valid).replace('}', ',"amount":123456789012345678901234567890}')),
    ],
    ['invalid_subtype', event({ event_subtype: 5 })],
    ['invalid_subtype', event({ event_subtype: 'x'.repeat(51) })],
    ['invalid_region', event({ region: ['Almaty'] })],
    ['invalid_region', event({ region: 'x'.repeat(101) })],
    ['invalid_region', event({ region: '😀'.repeat(101) })],
    ['invalid_timestamp', event({ timestamp: undefined })],
    ['invalid_timestamp', event({ timestamp: NOON })],
    ['invalid_timestamp', event({ timestamp: '2025-02-30T12:00:00Z' })],
    ['future_timestamp', event({ timestamp: '2025-11-08T12:05:00.000001Z' })],
    ['counted', event({ timestamp: '2025-11-08T12:05:00.000000Z' })],
    ['counted', event({ timestamp: '2025-11-08T17:00:00+05:00' })],
    ['counted', event({ region: undefined })],
    ['counted', event({ region: '' })],
    ['counted', event({ region: '😀'.repeat(100) })],
    ['counted', event({ region: 'a\0b\uD800' })],
    ['counted', event({ event_subtype: '' })],
    ['counted', event({ duration_seconds: null, data_mb: 0, amount: 1e9 })],
    ['counted', event({ uration_seconds: 'x', detail: 'y', event: {}, reason: 'z' })],
    ['counted', record(JSON.stringify(valid).replace('}', ',"msisdn":"2","__proto__":{"region":5}}'))],
    [
      'counted',
      record(JSON.stringify(valid).replace('}', `,"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)),
    ],
  ])('%s', (reason, value) => {
    expect(reasonOf(value)).toBe(reason);
  });

  it('apply in order: the first that fails names the reason', () => {
    expect(reasonOf(event({ msisdn: 1, event_type: 'x', amount: -1, timestamp: '' }))).toBe('missing_msisdn');
    expect(reasonOf(event({ event_subtype: 1, region: 1, timestamp: '' }))).toBe('invalid_subtype');
    expect(reasonOf(event({ duration_seconds: -1, data_mb: -1 }))).toBe('invalid_duration');
  });

  it('never let a full msisdn into the detail', () => {
    const anomaly = take([record('{"msisdn":"77010000001",')]).anomalies[0]!;
    expect(anomaly.detail).not.toContain('7701');
  });

  it('keep the bytes of what is set aside, and where it came from', () => {
    const raw = Buffer.from([0x7b, 0xff, 0x00]);
    expect(take([record(raw, 41)]).anomalies[0]).toMatchObject({
      raw,
      ...origin,
      offset: '41',
      eventData: null,
      recordTimestamp: NOON,
    });
  });

  it('count under unknown where the region is missing, and store keys that PostgreSQL can hold', () => {
    const regions = take([event({ region: null }), event({ region: '' }), event({ region: 'a\0b\uD800' })]);
    const keys = [...regions.windows]
      .filter((row) => row.metricType === 'region_agg')
      .map((row) => [row.metricKey, row.eventCount]);
    expect(keys).toEqual([
      ['unknown', 2],
      ['a\uFFFDb\uFFFD', 1],
    ]);
  });

  it.each([
    ['data_session', { data_mb: 23.56 }, 'data_session', 23_560_000n],
    ['balance_recharge', { amount: 999.99 }, 'balance_recharge', 999_990_000n],
    ['call', { event_subtype: 'incoming', data_mb: 7, amount: 7 }, 'call_incoming', 0n],
    ['sms', {}, 'sms', 0n],
  ])('sum up what %s measures', (event_type, fields, key, micros) => {
    expect(rowOf(take([event({ event_type, ...fields })]), 'event_type_agg')).toMatchObject({
      metricKey: key,
      sumMicros: micros,
      eventCount: 1,
    });
  });
});

describe('event time', () => {
  it('is late for a window once the watermark has reached its end', () => {
    // 12:00       12:05       12:06 newest → watermark 12:05:00
    //   [───────────)
    //         ^ 12:04:59 comes after it: late for the 5 min window, on time for the 10 min window
    const delta = take(
      [at('12:06:00'), at('12:04:59')].map((each) => ({ ...each, timestamp: NOON + 3_600_000 })),
    );
    expect(delta.ledger).toMatchObject({ counted: 1, lateCounted: 1 });
    expect(
      [...delta.windows].filter((row) => row.metricType === 'event_type_agg').map((row) => row.lateEvents),
    ).toEqual([0, 1]);
    expect(rowOf(delta, 'region_agg')).toMatchObject({ eventCount: 2, lateEvents: 0 });
  });

  it('is not late one microsecond before that', () => {
    const delta = take(
      [at('12:05:59.999999'), at('12:04:59')].map((each) => ({
        ...each,
        timestamp: NOON + 3_600_000,
      })),
    );
    expect(delta.ledger).toMatchObject({ counted: 2, lateCounted: 0 });
  });

  it('diverts late events when asked to, replayable and without moving the watermark', () => {
    const delta = take([at('12:00:00'), at('11:30:00')], { lateEvents: 'divert' });
    expect(delta.anomalies[0]).toMatchObject({
      reason: 'late_event',
      eventTime: Date.parse('2025-11-08T11:30:00Z') * 1000,
    });
    expect(delta.ledger).toMatchObject({ counted: 1, lateCounted: 0, anomalies: 1 });
  });

  it('is too late more than MAX_LATENESS before the newest accepted event', () => {
    const lateness = { maxLateness: 3_600_000_000 };
    expect(take([at('12:00:00'), at('11:00:00')], lateness).ledger).toMatchObject({
      lateCounted: 1,
      anomalies: 0,
    });
    expect(take([at('12:00:00'), at('10:59:59.999999')], lateness).anomalies[0]?.reason).toBe('too_late');
  });

  it('in the future never moves the watermark', () => {
    const delta = take([at('12:00:00'), at('23:00:00'), at('11:58:00')]);
    expect(delta.newestEventTime).toBe(NOON * 1000);
    expect(delta.ledger).toMatchObject({ counted: 2, anomalies: 1 });
  });

  it('is compared with the clock where the record has no timestamp', () => {
    expect(take([{ ...event(), timestamp: -1 }]).ledger.counted).toBe(1);
    expect(take([{ ...at('12:30:00'), timestamp: -1 }]).anomalies[0]).toMatchObject({
      reason: 'future_timestamp',
      recordTimestamp: null,
    });
  });
});

describe('laws', () => {
  const sample = readFileSync('test/fixtures/sample/events.ndjson', 'utf8').split('\n').slice(0, 2000);
  const records = sample.map((line, index) => record(line, index, Date.parse('2026-01-01T00:00:00Z')));

  interface Total {
    ledger: Ledger;
    windows: unknown[];
    anomalies: string[];
    newest: number | null;
  }
  function total(deltas: readonly PartitionDelta[]): Total {
    const windows = new WindowDeltas();
    const ledger = emptyLedger();
    for (const delta of deltas) {
      windows.merge(delta.windows);
      for (const key of Object.keys(ledger) as (keyof Ledger)[]) ledger[key] += delta.ledger[key];
    }
    return {
      ledger,
      windows: [...windows]
        .map((row) => ({ ...row, sumMicros: String(row.sumMicros) }))
        .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
      anomalies: deltas.flatMap((delta) =>
        delta.anomalies.map(({ offset, reason }) => `${offset} ${reason}`),
      ),
      newest: deltas.at(-1)?.newestEventTime ?? null,
    };
  }

  it('cutting the log into deltas anywhere changes nothing', () => {
    const whole = total([take(records)]);
    expect(imbalanceOf(whole.ledger)).toBe(0);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: records.length }), { maxLength: 20 }), (cuts) => {
        const bounds = [0, ...cuts.sort((a, b) => a - b), records.length];
        const deltas: PartitionDelta[] = [];
        for (let i = 1; i < bounds.length; i++) {
          const delta = new PartitionDelta(0n, deltas.at(-1)?.newestEventTime ?? null);
          deltas.push(take(records.slice(bounds[i - 1], bounds[i]), {}, delta));
        }
        expect(total(deltas)).toEqual(whole);
      }),
      { numRuns: 25 },
    );
  });

  it('any bytes end in the ledger, balanced, without an exception', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array().map((bytes) => Buffer.from(bytes)),
            fc.json().map((json) => Buffer.from(json)),
            fc.constant(null),
          ),
        ),
        (values) => {
          const { ledger, anomalies } = take(values.map((value, index) => record(value, index)));
          expect(ledger.consumed).toBe(values.length);
          expect(imbalanceOf(ledger)).toBe(0);
          for (const anomaly of anomalies) expect(anomaly.raw).toEqual(values[Number(anomaly.offset)]);
        },
      ),
    );
  });
});

describe('an event id that the partition has had', () => {
  const MINUTES = 60_000;
  const id = '5d9dc9f8-1818-4811-892f-902bd23f0824';
  const remembering = (window = 10 * MINUTES): PartitionDelta =>
    new PartitionDelta(0n, null, new RecentIds(window, 1_000_000));
  const ledgerOf = (
    records: readonly LogRecord[],
    over: Partial<IntakeRules> = {},
    delta = remembering(),
  ): Ledger => {
    const { ledger } = take(records, over, delta);
    expect(imbalanceOf(ledger)).toBe(0);
    return ledger;
  };

  it('counts once, whatever else the event says', () => {
    const delta = remembering();
    const repeats = [
      at('11:00:00', { event_id: id }),
      at('11:00:00', { event_id: id }),
      at('11:04:00', { event_id: id, event_type: 'call', region: 'Taraz' }),
    ];
    expect(ledgerOf(repeats, {}, delta)).toMatchObject({ consumed: 3, counted: 1, duplicates: 2 });
    expect(rowOf(delta, 'region_agg')).toMatchObject({ metricKey: 'Almaty', eventCount: 1 });
    expect(delta.newestEventTime).toBe(Date.parse('2025-11-08T11:00:00Z') * 1000);
  });

  it('is the same text, however it is written', () => {
    const escaped = record(JSON.stringify({ ...valid, event_id: id }).replace('5d9d', '\\u0035d9d'));
    expect(ledgerOf([event({ event_id: id }), escaped])).toMatchObject({ counted: 1, duplicates: 1 });
    expect(ledgerOf([event({ event_id: id }), event({ event_id: id.toUpperCase() })])).toMatchObject({
      counted: 2,
    });
  });

  it('is another one with another half of a surrogate pair', () => {
    const halves = ['\\ud800', '\\ud801', '\\ufffd'].map((half) =>
      record(JSON.stringify({ ...valid, event_id: 'HERE' }).replace('HERE', half)),
    );
    expect(ledgerOf([...halves, ...halves])).toMatchObject({ counted: 3, duplicates: 3 });
  });

  it.each([[undefined], [null], [''], [5], [['a']], [{ id }], [true]])(
    'is none when it is %j',
    (event_id) => {
      expect(ledgerOf([event({ event_id }), event({ event_id })])).toMatchObject({
        counted: 2,
        duplicates: 0,
      });
    },
  );

  it.each([
    ['11:10:00', 1],
    ['11:10:00.000999', 1],
    ['11:10:00.001', 0],
  ])('is known until event time has moved on by the window: up to %s', (time, duplicates) => {
    const first = at('11:00:00', { event_id: id });
    expect(ledgerOf([first, at(time), first])).toMatchObject({ duplicates });
    // Its own time may be what moves it on.
    expect(ledgerOf([first, at(time, { event_id: id })])).toMatchObject({ duplicates });
  });

  it('is known from when it came last, by the newest event, be it a repeat', () => {
    const [first, ahead] = [at('11:00:00', { event_id: id }), at('11:05:00', { event_id: id })];
    expect(ledgerOf([first, at('11:10:00'), first, at('11:20:00'), first])).toMatchObject({ duplicates: 2 });
    // The repeat at 11:05 is six minutes before 11:11, though it does not move the watermark on.
    expect(ledgerOf([first, ahead, at('11:11:00'), first])).toMatchObject({ duplicates: 2, counted: 2 });
    const delta = remembering();
    ledgerOf([first, ahead], {}, delta);
    expect(delta.newestEventTime).toBe(Date.parse('2025-11-08T11:00:00Z') * 1000);
    // A log of nothing but repeats goes on all the same.
    const often = Array.from({ length: 10 }, (_, n) =>
      at(`11:${String(n * 6).padStart(2, '0')}:00`, { event_id: id }),
    );
    expect(ledgerOf(often)).toMatchObject({ counted: 1, duplicates: 9 });
  });

  it('of a late event is known from when it came, not from when it took place', () => {
    const late = at('08:00:00', { event_id: id });
    expect(ledgerOf([at('11:00:00'), late, at('11:09:00'), late])).toMatchObject({
      lateCounted: 1,
      duplicates: 1,
    });
  });

  it('is known of an event that was diverted, and then is no second anomaly', () => {
    const late = at('08:00:00', { event_id: id });
    const diverting = { lateEvents: 'divert' } as const;
    expect(ledgerOf([at('11:00:00'), late, late], diverting)).toMatchObject({ anomalies: 1, duplicates: 1 });
    expect(ledgerOf([late, at('08:09:00'), late], diverting)).toMatchObject({ anomalies: 0, duplicates: 1 });
  });

  it('is not known of a rejected event: put right by its producer, it counts', () => {
    for (const wrong of [{ msisdn: '' }, { timestamp: '2025-11-08T12:05:01Z' }, { amount: -1 }])
      expect(ledgerOf([event({ event_id: id, ...wrong }), event({ event_id: id })])).toMatchObject({
        ...{ anomalies: 1, counted: 1, duplicates: 0 },
      });
    const tooLate = at('08:00:00', { event_id: id });
    expect(ledgerOf([at('11:00:00'), tooLate, tooLate], { maxLateness: 60_000_000 })).toMatchObject({
      anomalies: 2,
    });
  });

  it('is known of an event that was counted, also where it would be too late by now', () => {
    const first = at('11:00:00', { event_id: id });
    expect(ledgerOf([first, at('11:09:00'), first], { maxLateness: 60_000_000 })).toMatchObject({
      duplicates: 1,
    });
  });

  it('does not matter where repeats are not looked for', () => {
    expect(take([event({ event_id: id }), event({ event_id: id })]).ledger).toMatchObject({ counted: 2 });
  });
});
