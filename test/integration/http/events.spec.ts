import { PublishError } from '../../../src/transport/event-publisher.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createHttpApp, type HttpApp } from '../../support/http-app.js';

const NDJSON = { 'content-type': 'application/x-ndjson' };

describe('POST /events', () => {
  let database: TestDatabase;
  let http: HttpApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    http = await createHttpApp({ url: database.url, env: { HTTP_BODY_LIMIT: '2000000' } });
  }, 30_000);
  beforeEach(() => {
    http.publisher.batches.length = 0;
    http.publisher.failure = undefined;
  });
  afterAll(async () => {
    await http.close();
    await database.drop();
  });

  it('puts one event into the log', async () => {
    const answer = await http.post('/events', ' {"msisdn":"77011234567","x":1}\n');
    expect([answer.status, answer.body]).toEqual([202, { accepted: 1 }]);
    expect(http.publisher.last).toEqual([{ key: '77011234567', value: '{"msisdn":"77011234567","x":1}' }]);
  });

  it('puts an array of events into the log, in order, each to the byte', async () => {
    const events = [
      '{"msisdn":"1","a":1e400,"b":12345678901234567890}',
      '{ "a":1, "a":2, "__proto__":{"x":1}, "constructor":{"prototype":{}} }',
      '{"s":"\\u0000\\ud800","t":"Алматы"}',
      '"no object"',
      'null',
    ];
    const answer = await http.post('/events', `[${events.join(', ')}]`);
    expect([answer.status, answer.body]).toEqual([202, { accepted: 5 }]);
    expect(http.publisher.batches).toHaveLength(1);
    expect(http.publisher.last.map(({ value }) => value)).toEqual(events);
  });

  it('takes NDJSON: an event a line, of any bytes', async () => {
    const answer = await http.post(
      '/events',
      Buffer.from([...Buffer.from('{"msisdn":"1"}\n\n{'), 0xff, 0x00, 0x0a]),
      NDJSON,
    );
    expect([answer.status, answer.body]).toEqual([202, { accepted: 3 }]);
    expect(http.publisher.batches[0]).toEqual([
      { key: '1', value: Buffer.from('{"msisdn":"1"}') },
      { key: null, value: Buffer.alloc(0) },
      { key: null, value: Buffer.from([0x7b, 0xff, 0x00]) },
    ]);
  });

  it('takes 1000 events and no more', async () => {
    const body = (count: number) => `[${Array.from({ length: count }, () => '{}').join()}]`;
    expect((await http.post('/events', body(1000))).body).toEqual({ accepted: 1000 });
    expect((await http.post('/events', '{}\n'.repeat(1000), NDJSON)).body).toEqual({ accepted: 1000 });
    for (const answer of [
      await http.post('/events', body(1001)),
      await http.post('/events', '[]'),
      await http.post('/events', '', NDJSON),
      await http.post('/events', '{}\n'.repeat(1001), NDJSON),
    ]) {
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({
        code: 'invalid_request',
        errors: [{ field: 'body', message: expect.stringMatching(/1 to 1000/) as string }],
      });
    }
    expect(http.publisher.batches).toHaveLength(2);
  });

  it.each<[string, string | Buffer]>([
    ['text', 'hello'],
    ['half an array', '[{}'],
    ['nothing', ''],
    ['Latin-1', Buffer.from('{"a":"é"}', 'latin1')],
    ['a BOM', '\ufeff{}'],
    ['NaN', '{"a":NaN}'],
  ])('answers 400 to what is not JSON: %s', async (_, body) => {
    const answer = await http.post('/events', body);
    expect([answer.status, answer.body]).toEqual([400, expect.objectContaining({ code: 'malformed_json' })]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(http.publisher.batches).toHaveLength(0);
  });

  it('takes JSON that is nested 100,000 times', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect((await http.post('/events', `[${deep}]`)).body).toEqual({ accepted: 1 });
    expect(http.publisher.last[0]?.value).toBe(deep);
    const object = '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000);
    expect((await http.post('/events', object)).body).toEqual({ accepted: 1 });
  });

  it('answers 415 to other content types, and says which it reads', async () => {
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      {},
    ]) {
      const answer = await http.post('/events', '{}', headers as Record<string, string>);
      expect([answer.status, answer.body]).toEqual([
        415,
        expect.objectContaining({
          code: 'unsupported_media_type',
          detail: expect.stringContaining('application/x-ndjson') as string,
        }),
      ]);
    }
  });

  it('answers 413 to a body over the limit', async () => {
    const answer = await http.post('/events', `"${'x'.repeat(2_000_000)}"`);
    expect([answer.status, answer.body]).toEqual([
      413,
      expect.objectContaining({ code: 'payload_too_large' }),
    ]);
  });

  it('says why the log does not take them', async () => {
    http.publisher.failure = new PublishError('too_large', 'Event 3 has 2097152 bytes.');
    expect((await http.post('/events', '{}')).body).toMatchObject({
      status: 413,
      code: 'event_too_large',
      detail: 'Event 3 has 2097152 bytes.',
    });
    http.publisher.failure = new PublishError('unavailable', 'broker 10.0.0.1 is away');
    const answer = await http.post('/events', '{}');
    expect([answer.status, answer.body]).toEqual([503, expect.objectContaining({ code: 'log_unavailable' })]);
    expect(answer.text).not.toContain('10.0.0.1');
  });

  it('knows no query parameters', async () => {
    expect((await http.post('/events?dryRun=1', '{}')).body).toMatchObject({
      code: 'invalid_request',
      errors: [{ field: 'dryRun', message: 'is not known here' }],
    });
  });
});
