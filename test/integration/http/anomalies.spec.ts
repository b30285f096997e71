import { anomalyDetail, anomalyPage, anomalySummary } from '../../../src/anomalies/anomalies.schemas.js';
import type { AnomalyReason } from '../../../src/anomalies/core/reason.js';
import { storableJson } from '../../../src/anomalies/core/storable.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createHttpApp, type HttpApp } from '../../support/http-app.js';

interface Seed {
  reason?: AnomalyReason;
  detail?: string;
  raw?: Buffer | null;
  status?: string;
  createdAt?: string;
  eventTime?: string | null;
}

const call = (fields: object): Buffer => Buffer.from(JSON.stringify({ event_type: 'call', ...fields }));

describe('anomalies', () => {
  let database: TestDatabase;
  let http: HttpApp;
  let offset = 0;

  /** Stores one as the pipeline does. @returns its id */
  const seed = async ({ raw = call({}), ...row }: Seed): Promise<string> => {
    let event: unknown;
    try {
      event = JSON.parse(String(raw));
    } catch {
      event = null;
    }
    const isObject = typeof event === 'object' && event !== null && !Array.isArray(event);
    const [{ id }]: [{ id: string }] = await database.dataSource.query(
      `INSERT INTO anomalies (reason, detail, raw, event_data, topic, partition, incarnation, "offset", event_time, status, created_at)
       VALUES ($1, $2, $3, $4::jsonb, 'telecom_events', 2, 1, $5, $6, $7, $8) RETURNING id`,
      [
        row.reason ?? 'missing_msisdn',
        row.detail ?? 'msisdn is absent',
        raw,
        isObject ? storableJson(event) : null,
        offset++,
        row.eventTime ?? null,
        row.status ?? 'new',
        row.createdAt ?? '2025-11-08T22:30:00Z',
      ],
    );
    return id;
  };
  const list = async (query = '') => {
    const answer = await http.get(`/anomalies?${query}`);
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    return anomalyPage.parse(answer.body);
  };
  const ids = async (query = ''): Promise<string[]> => (await list(query)).items.map(({ id }) => id);

  beforeAll(async () => {
    database = await createTestDatabase();
    http = await createHttpApp({ url: database.url });
  }, 30_000);
  beforeEach(async () => {
    await database.dataSource.query('TRUNCATE anomalies');
  });
  afterAll(async () => {
    await http.close();
    await database.drop();
  });

  describe('in a list', () => {
    it('are shown with all their fields, newest first', async () => {
      const first = await seed({ raw: call({ region: 'Almaty' }), eventTime: '2025-11-08T22:29:58.123456Z' });
      const second = await seed({ reason: 'malformed_json', detail: 'not JSON', raw: Buffer.from('{') });
      expect((await list()).items).toEqual([
        {
          id: second,
          reason: 'malformed_json',
          detail: 'not JSON',
          eventData: null,
          topic: 'telecom_events',
          partition: 2,
          offset: String(offset - 1),
          eventTime: null,
          status: 'new',
          attempts: 0,
          createdAt: '2025-11-08T22:30:00Z',
        },
        expect.objectContaining({
          id: first,
          eventData: { event_type: 'call', region: 'Almaty' },
          eventTime: '2025-11-08T22:29:58.123Z',
        }),
      ]);
    });

    it('show the event exactly as it was sent', async () => {
      const text =
        '{"event_type" : "call","n":12345678901234567890,"x":1e400,"x":1,"__proto__":null,"s":"\\u0000"}';
      await seed({ raw: Buffer.from(text) });
      expect((await http.get('/anomalies')).text).toContain(`"eventData":${text},`);
    });

    it('show null for what is no JSON object, too deep, or a tombstone', async () => {
      const deep = `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
      for (const raw of [Buffer.from('[1]'), Buffer.from([0xff]), Buffer.from(deep), Buffer.alloc(0), null]) {
        await seed({ raw });
      }
      expect((await list()).items.map(({ eventData }) => eventData)).toEqual([null, null, null, null, null]);
    });

    it('show events of rows that have no record, and survive one whose record is not what it says', async () => {
      const odd = await seed({});
      const whole = await seed({});
      await database.dataSource.query(`UPDATE anomalies SET raw = NULL WHERE id = $1`, [whole]);
      await database.dataSource.query(`UPDATE anomalies SET raw = '{' WHERE id = $1`, [odd]);
      expect((await list()).items.map(({ eventData }) => eventData)).toEqual([{ event_type: 'call' }, null]);
    });

    it('can be picked by reason, status and time', async () => {
      const a = await seed({ reason: 'too_late', createdAt: '2025-11-08T10:00:00.5Z' });
      const b = await seed({ status: 'discarded', createdAt: '2025-11-08T11:00:00Z' });
      const c = await seed({ createdAt: '2025-11-08T12:00:00Z' });
      expect(await ids('reason=too_late')).toEqual([a]);
      expect(await ids('status=discarded')).toEqual([b]);
      expect(await ids('status=new')).toEqual([c, a]);
      expect(await ids('from=2025-11-08T11:00:00Z')).toEqual([c, b]);
      expect(await ids('to=2025-11-08T11:00:00Z')).toEqual([a]);
      expect(await ids('from=2025-11-08T10:00:00.500001Z&to=2025-11-08T12:00:00Z')).toEqual([b]);
      expect(await ids('reason=too_late&status=discarded')).toEqual([]);
    });

    it('can be searched, in the detail and in the event, whatever it is made of', async () => {
      const json = await seed({ raw: call({ region: 'Алматы', note: '100%_\\' }), detail: 'first' });
      const bytes = await seed({
        raw: Buffer.from([0xff, ...Buffer.from('Broken MSISDN')]),
        detail: 'second',
      });
      const escaped = await seed({ raw: Buffer.from('{"a":"\\u0410\\u0441\\u0442"}'), detail: 'Third' });
      const q = (text: string): Promise<string[]> => ids(`q=${encodeURIComponent(text)}`);
      expect(await q('second')).toEqual([bytes]);
      expect(await q('THIRD')).toEqual([escaped]);
      expect(await q('broken msisdn')).toEqual([bytes]);
      expect(await q('Алматы')).toEqual([json]);
      expect(await q('Аст')).toEqual([escaped]);
      expect(await q('"event_type":"call"')).toEqual([json]);
      expect(await q('100%_')).toEqual([json]);
      expect(await q('%')).toEqual([json]);
      expect(await q('_')).toEqual([json]);
      expect(await q('\\\\')).toEqual([json]);
      expect(await q("'; DROP TABLE anomalies; --")).toEqual([]);
    });

    it('come page by page, also while new ones come', async () => {
      const all: string[] = [];
      for (let index = 0; index < 5; index++) all.unshift(await seed({}));
      const first = await list('limit=2');
      expect(first.items.map(({ id }) => id)).toEqual(all.slice(0, 2));
      await seed({});
      const second = await list(`limit=2&cursor=${first.nextCursor!}`);
      expect(second.items.map(({ id }) => id)).toEqual(all.slice(2, 4));
      const third = await list(`limit=2&cursor=${second.nextCursor!}`);
      expect(third.items.map(({ id }) => id)).toEqual(all.slice(4));
      expect(third.nextCursor).toBeNull();
      expect((await list(`limit=1&cursor=${second.nextCursor!}`)).nextCursor).toBeNull();
    });

    it('come in shorter pages when they are very large', async () => {
      const large = call({ filler: 'x'.repeat(3_000_000) });
      const all: string[] = [];
      for (let index = 0; index < 5; index++) all.unshift(await seed({ raw: large }));
      const seen: string[] = [];
      let cursor: string | null = '';
      let pages = 0;
      do {
        const page = await list(`limit=1000${cursor && `&cursor=${cursor}`}`);
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
        pages++;
      } while (cursor !== null);
      expect([seen, pages]).toEqual([all, 2]);
    });

    it('come as CSV', async () => {
      await seed({ raw: call({ region: '=1+1' }), detail: '=HYPERLINK("http://evil")' });
      const { headers, text } = await http.get('/anomalies?format=csv');
      expect(headers['content-type']).toBe('text/csv; charset=utf-8');
      expect(text.split('\n')[0]).toBe(
        'id,reason,detail,eventData,topic,partition,offset,eventTime,status,attempts,createdAt',
      );
      expect(text.split('\n')[1]).toContain(
        `missing_msisdn,"'=HYPERLINK(""http://evil"")","{""event_type"":""call"",""region"":""=1+1""}",telecom_events,2,`,
      );
    });

    it.each([
      ['reason=other', 'reason'],
      ['status=open', 'status'],
      ['q=', 'q'],
      [`q=${'x'.repeat(201)}`, 'q'],
      ['q=%00', 'q'],
      ['from=2025-11-09&to=2025-11-08', 'to'],
      ['cursor=1', 'cursor'],
      ['order=asc', 'order'],
    ])('?%s is a mistake', async (query, field) => {
      const answer = await http.get(`/anomalies?${query}`);
      expect([answer.status, answer.body]).toEqual([
        400,
        expect.objectContaining({ errors: [expect.objectContaining({ field })] }),
      ]);
    });
  });

  describe('in a summary', () => {
    it('are counted by reason and status', async () => {
      for (const row of [
        {},
        {},
        { status: 'discarded' },
        { reason: 'too_late', createdAt: '2025-11-09T00:00:00Z' },
      ] as const)
        await seed(row);
      const summary = async (query = '') =>
        anomalySummary.parse((await http.get(`/anomalies/summary?${query}`)).body).items;
      expect(await summary()).toEqual([
        { reason: 'missing_msisdn', status: 'new', count: 2 },
        { reason: 'missing_msisdn', status: 'discarded', count: 1 },
        { reason: 'too_late', status: 'new', count: 1 },
      ]);
      expect(await summary('from=2025-11-09')).toEqual([{ reason: 'too_late', status: 'new', count: 1 }]);
      expect(await summary('to=2020-01-01')).toEqual([]);
      expect((await http.get('/anomalies/summary?to=2025-11-09&format=csv')).text).toBe(
        'reason,status,count\nmissing_msisdn,new,2\nmissing_msisdn,discarded,1\n',
      );
    });
  });

  describe('one by one', () => {
    it('have their bytes, as text too, and a history', async () => {
      const raw = call({ region: 'Алматы' });
      const id = await seed({ raw });
      const detail = anomalyDetail.parse((await http.get(`/anomalies/${id}`)).body);
      expect(detail).toEqual({
        ...(await list()).items[0],
        raw: raw.toString(),
        rawBase64: raw.toString('base64'),
        history: [
          {
            at: '2025-11-08T22:30:00Z',
            actor: 'pipeline',
            action: 'set_aside',
            outcome: 'missing_msisdn',
            detail: 'msisdn is absent',
          },
        ],
      });
    });

    it.each<[string, Buffer | null, string | null]>([
      ['no text', Buffer.from([0xff, 0x00]), null],
      ['NUL characters', Buffer.from('{"a":"\0"}'), '{"a":"\0"}'],
      ['a BOM', Buffer.from('\ufeff{}'), '\ufeff{}'],
      ['nothing', Buffer.alloc(0), ''],
      ['no record', null, null],
    ])('that are %s', async (_, raw, text) => {
      const id = await seed({ raw });
      const detail = anomalyDetail.parse((await http.get(`/anomalies/${id}`)).body);
      expect([detail.raw, detail.rawBase64]).toEqual([text, raw?.toString('base64') ?? null]);
    });

    it('404 for an id that is not there', async () => {
      for (const id of ['1', '9223372036854775807']) {
        const answer = await http.get(`/anomalies/${id}`);
        expect([answer.status, answer.body]).toEqual([404, expect.objectContaining({ code: 'not_found' })]);
      }
    });

    it.each(['abc', '0', '-1', '1.5', '9223372036854775808', '1'.repeat(40), '%20', '１'])(
      '400 for the id %s',
      async (id) => {
        const answer = await http.get(`/anomalies/${encodeURI(id)}`);
        expect([answer.status, answer.body]).toEqual([
          400,
          expect.objectContaining({ errors: [expect.objectContaining({ field: 'id' })] }),
        ]);
      },
    );
  });
});
