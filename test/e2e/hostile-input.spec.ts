import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { expectBalancedLedger, ledger } from '../support/sample.js';
import { startService, waitFor, type Service } from '../support/service.js';

const now = new Date();
const iso = (ms: number): string => new Date(now.getTime() + ms).toISOString();
const valid = { msisdn: '77010000001', region: 'Almaty', timestamp: iso(0), event_type: 'sms' };
const json = (fields: object = {}): string => JSON.stringify({ ...valid, ...fields });
/** A valid event with text put in before its closing brace, as written: JSON.stringify could not say it. */
const raw = (text: string): string => json().replace(/}$/, `,${text}}`);
const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

/** Each bad or odd record with what the rules must make of it; null: a counted event. */
const cases: [what: string, value: Buffer | string | null, reason: string | null][] = [
  ['a 2 MiB record', `{"msisdn":"1","x":"${'a'.repeat(2 * 1024 * 1024)}"}`, 'oversized'],
  ['a tombstone', null, 'malformed_json'],
  ['an empty record', '', 'malformed_json'],
  ['white space', ' \n', 'malformed_json'],
  ['invalid UTF-8', bytes('{"msisdn":"', [0xc3, 0x28], '"}'), 'malformed_json'],
  ['an overlong encoding', bytes('{"msisdn":"', [0xc0, 0x80], '"}'), 'malformed_json'],
  ['a surrogate in UTF-8', bytes('{"msisdn":"', [0xed, 0xa0, 0x80], '"}'), 'malformed_json'],
  ['a byte order mark', `\uFEFF${json()}`, 'malformed_json'],
  ['UTF-16', Buffer.from(json(), 'utf16le'), 'malformed_json'],
  ['a raw NUL in a string', json().replace('Almaty', 'Al\0maty'), 'malformed_json'],
  ['NUL bytes after the object', bytes(json(), [0]), 'malformed_json'],
  ['two objects', json() + json(), 'malformed_json'],
  ['NaN', raw('"amount":NaN'), 'malformed_json'],
  ['single quotes', "{'msisdn':'1'}", 'malformed_json'],
  ['an array', '[]', 'malformed_json'],
  ['a string', '"x"', 'malformed_json'],
  ['a number', '1', 'malformed_json'],
  ['null', 'null', 'malformed_json'],
  ['no msisdn', json({ msisdn: undefined }), 'missing_msisdn'],
  ['an empty msisdn', json({ msisdn: '' }), 'missing_msisdn'],
  ['a numeric msisdn', json({ msisdn: 1 }), 'missing_msisdn'],
  ['msisdn only in __proto__', '{"__proto__":{"msisdn":"1"},"event_type":"sms"}', 'missing_msisdn'],
  ['a last duplicate key that is bad', raw('"msisdn":5'), 'missing_msisdn'],
  ['an unknown type', json({ event_type: 'mms' }), 'unknown_event_type'],
  ['a type with a NUL', json({ event_type: 'sms\0' }), 'unknown_event_type'],
  ['a negative duration', json({ duration_seconds: -1 }), 'invalid_duration'],
  ['a duration of 1e400', raw('"duration_seconds":1e400'), 'invalid_duration'],
  ['a volume of 1e400', raw('"data_mb":1e400'), 'invalid_data_volume'],
  ['a volume in words', json({ data_mb: 'a lot' }), 'invalid_data_volume'],
  ['a huge integer amount', raw(`"amount":${'9'.repeat(400)}`), 'invalid_amount'],
  ['an amount just too large', json({ amount: 1_000_000_001 }), 'invalid_amount'],
  ['a subtype that is an object', json({ event_subtype: {} }), 'invalid_subtype'],
  ['a subtype of 51 characters', json({ event_subtype: 'x'.repeat(51) }), 'invalid_subtype'],
  ['a region that is a list', json({ region: ['Almaty'] }), 'invalid_region'],
  ['a region of 101 characters', json({ region: '😀'.repeat(101) }), 'invalid_region'],
  ['no timestamp', json({ timestamp: undefined }), 'invalid_timestamp'],
  ['30 February', json({ timestamp: '2025-02-30T00:00:00Z' }), 'invalid_timestamp'],
  ['the year 1999', json({ timestamp: '1999-12-31T23:59:59Z' }), 'invalid_timestamp'],
  [
    'a bad event with NUL and lone surrogates',
    raw('"region":5,"note":"\\u0000\\ud800","\\u0000":1'),
    'invalid_region',
  ],
  [
    'a bad event nested 10,000 deep',
    raw(`"region":5,"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}`),
    'invalid_region',
  ],
  [
    'a bad event with huge numbers',
    raw('"region":5,"a":1e308,"b":123456789012345678901234567890,"c":5e-324'),
    'invalid_region',
  ],
  ['a timestamp with a NUL', json({ timestamp: '2025-11-08\0' }), 'invalid_timestamp'],
  ['tomorrow', json({ timestamp: iso(86_400_000) }), 'future_timestamp'],
  ['the end of time', json({ timestamp: '9999-12-31T23:59:59.999999-23:59' }), 'future_timestamp'],
  ['eight days ago', json({ timestamp: iso(-8 * 86_400_000) }), 'too_late'],

  ['a plain event', json(), null],
  ['an event an hour late', json({ timestamp: iso(-3_600_000) }), null],
  ['an escaped NUL in the region', json({ region: 'Al\0maty' }), null],
  ['a lone surrogate in the region', raw('"region":"\\ud800"'), null],
  ['a lone surrogate in the subtype', raw('"event_subtype":"\\udc00x"'), null],
  ['a region called __proto__', raw('"region":"__proto__"'), null],
  ['a region with quotes, commas and braces', json({ region: '{"a",\\b}NULL' }), null],
  ['a region called NULL', json({ region: 'NULL' }), null],
  ['a region of 100 emoji', json({ region: '😀'.repeat(100) }), null],
  ['an own __proto__', raw('"__proto__":{"msisdn":5}'), null],
  ['duplicate keys of which the last is good', `{"msisdn":5,${json().slice(1)}`, null],
  ['nesting 10,000 deep', raw(`"deep":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`), null],
  [
    'unknown fields',
    raw('"uration_seconds":"x","constructor":{},"huge":123456789012345678901234567890'),
    null,
  ],
  ['the largest amounts', json({ event_type: 'balance_recharge', amount: 1e9 }), null],
  ['minus zero', raw('"amount":-0'), null],
  ['nothing optional', '{"msisdn":"1","event_type":"call","timestamp":"' + iso(0) + '"}', null],
];

const suite = hasKafka ? describe : describe.skip;

suite('hostile input through Kafka', () => {
  let database: TestDatabase;
  let topic: TestTopic;
  let service: Service;

  beforeAll(async () => {
    database = await createTestDatabase();
    topic = await createTestTopic(1, { configEntries: [{ name: 'max.message.bytes', value: '10485760' }] });
    // A good event first, so that lateness has something to be measured against.
    await topic.publish([Buffer.from(json())]);
    for (const [, value] of cases) await topic.publish([value === null ? null : Buffer.from(value)]);
    await topic.publish([Buffer.from(json())]);
    service = await startService({ DATABASE_URL: database.url, ...topic.env });
    await waitFor(
      'all records to be judged',
      async () => (await ledger(database.dataSource)).consumed === cases.length + 2,
    );
  });
  afterAll(async () => {
    await service.stop();
    await topic.close();
    await database.drop();
  });

  it.each(cases)('%s', async (_what, value, reason) => {
    const offset = 1 + cases.findIndex((each) => each[0] === _what);
    const rows: { reason: string; raw: Buffer | null; detail: string }[] = await database.dataSource.query(
      `SELECT reason, raw, detail FROM anomalies WHERE "offset" = $1`,
      [offset],
    );
    expect(rows[0]?.reason ?? null).toBe(reason);
    if (reason === null) return;
    const original = value === null ? null : Buffer.from(value);
    expect(original === null ? rows[0]!.raw === null : original.equals(rows[0]!.raw!)).toBe(true);
    expect(rows[0]!.detail).not.toContain('77010000001');
  });

  it('leaves a balanced ledger and a pipeline that goes on', async () => {
    await expectBalancedLedger(database.dataSource);
    const bad = cases.filter(([, , reason]) => reason !== null).length;
    const totals = await ledger(database.dataSource);
    expect(totals).toMatchObject({ anomalies: bad, duplicates: 0, skipped: 0 });
    expect(totals.counted! + totals.late_counted!).toBe(cases.length - bad + 2);
    await topic.publish([Buffer.from(json())]);
    await waitFor(
      'the next event',
      async () => (await ledger(database.dataSource)).consumed === cases.length + 3,
    );
    expect(service.output()).not.toMatch(/flush failed/i);
  });

  it('shows every anomaly over REST', async () => {
    const { items } = await service.get<{ items: { id: string; reason: string }[] }>('/anomalies?limit=1000');
    expect(items).toHaveLength(cases.filter(([, , reason]) => reason !== null).length);
    for (const { id } of items) {
      const detail = await service.get<{ raw: string | null; rawBase64: string | null }>(`/anomalies/${id}`);
      if (detail.raw !== null) expect(Buffer.from(detail.raw).toString('base64')).toBe(detail.rawBase64);
    }
  });
});
