import { metricKeyPage, metricPage, type Metric } from '../../../src/aggregation/metrics.schemas.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createHttpApp, type Answer, type HttpApp } from '../../support/http-app.js';

interface MetricPage {
  items: Metric[];
  nextCursor: string | null;
}

const MINUTE = 60_000;
const NIGHT = Date.parse('2025-11-08T22:30:00Z');

describe('metrics', () => {
  let database: TestDatabase;
  let http: HttpApp;

  const window = async (type: string, key: string, start: number, count = 1, late = 0): Promise<void> => {
    const size = type === 'region_agg' ? 10 : 5;
    await database.dataSource.query(
      `INSERT INTO real_time_metrics (window_start, window_end, metric_type, metric_key, metric_value, event_count, late_events, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, '2025-11-08T22:30:01.234567Z', '2025-11-08T22:31:00Z')`,
      [new Date(start), new Date(start + size * MINUTE), type, key, count * 1.5, count, late],
    );
  };
  /** One partition that is not idle, so that its event time is the pipeline's. */
  const newestEvent = async (time: number | null): Promise<void> => {
    await database.dataSource.query('DELETE FROM ingest_partitions');
    await database.dataSource.query(
      `INSERT INTO ingest_partitions (topic, partition, next_offset, newest_event_time, seen_at) VALUES ('telecom_events', 0, 0, $1, now())`,
      [time === null ? null : new Date(time)],
    );
  };
  const pageOf = (answer: Answer): MetricPage => {
    expect(answer.status).toBe(200);
    return metricPage.parse(answer.body);
  };
  const get = async (query: string): Promise<MetricPage> => pageOf(await http.get(`/metrics?${query}`));
  const names = ({ items }: MetricPage): string[] =>
    items.map(({ windowStart, metricType, metricKey }) =>
      [windowStart.slice(11, 16), metricType === 'region_agg' ? 'r' : 'e', metricKey].join(' '),
    );

  beforeAll(async () => {
    database = await createTestDatabase();
    http = await createHttpApp({ url: database.url });
    for (const [step, key] of [
      [0, 'sms'],
      [0, 'call_incoming'],
      [5, 'sms'],
      [10, 'sms'],
    ] as const) {
      await window('event_type_agg', key, NIGHT + step * MINUTE, 3 + step, step === 5 ? 2 : 0);
    }
    await window('region_agg', 'Almaty', NIGHT, 7);
    await window('region_agg', 'Алматы, "=1+1"', NIGHT, 1);
    await newestEvent(NIGHT + 13 * MINUTE);
  }, 30_000);
  afterAll(async () => {
    await http.close();
    await database.drop();
  });

  const DAY = 'from=2025-11-08&to=2025-11-09';

  it('are windows with all their fields, newest first', async () => {
    const page = await get(DAY);
    expect(names(page)).toEqual([
      '22:40 e sms',
      '22:35 e sms',
      '22:30 r Алматы, "=1+1"',
      '22:30 r Almaty',
      '22:30 e sms',
      '22:30 e call_incoming',
    ]);
    expect(page.nextCursor).toBeNull();
    expect(page.items[1]).toEqual({
      windowStart: '2025-11-08T22:35:00Z',
      windowEnd: '2025-11-08T22:40:00Z',
      metricType: 'event_type_agg',
      metricKey: 'sms',
      metricValue: 12,
      eventCount: 8,
      lateEvents: 2,
      status: 'amended',
      createdAt: '2025-11-08T22:30:01.234Z',
      updatedAt: '2025-11-08T22:31:00Z',
    });
  });

  it('come in the other order too', async () => {
    expect(names(await get(`${DAY}&order=asc`))).toEqual(names(await get(DAY)).reverse());
  });

  it('are of a half-open range of window starts', async () => {
    expect(names(await get('from=2025-11-08T22:35:00Z&to=2025-11-08T22:40:00Z'))).toEqual(['22:35 e sms']);
    expect(names(await get('from=2025-11-09T03:35:00%2B05:00&to=2025-11-08T22:40:00Z'))).toEqual([
      '22:35 e sms',
    ]);
    expect(names(await get('from=2025-11-09T03:35:00+05:00&to=2025-11-08T22:40:00Z'))).toEqual([
      '22:35 e sms',
    ]);
    expect(names(await get('from=2025-11-08T22:40:00Z'))).toEqual(['22:40 e sms']);
    expect((await get('to=2025-11-08T22:35:00Z')).items).toHaveLength(4);
  });

  it('can be picked by type, key and status', async () => {
    expect(names(await get(`${DAY}&type=region_agg`))).toEqual(['22:30 r Алматы, "=1+1"', '22:30 r Almaty']);
    expect(names(await get(`${DAY}&key=call_incoming`))).toEqual(['22:30 e call_incoming']);
    expect(names(await get(`${DAY}&key=call`))).toEqual([]);
    expect(names(await get(`${DAY}&status=amended`))).toEqual(['22:35 e sms']);
    expect(names(await get(`${DAY}&status=open`))).toEqual(['22:40 e sms']);
    expect((await get(`${DAY}&status=final`)).items).toHaveLength(4);
  });

  it('are open until the watermark, one minute behind the newest event, has reached their end', async () => {
    const statusAt = async (newest: number | null): Promise<string> => {
      await newestEvent(newest);
      return (await get(`${DAY}&key=call_incoming`)).items[0]!.status;
    };
    const end = NIGHT + 5 * MINUTE;
    expect(await statusAt(end + MINUTE - 1)).toBe('open');
    expect(await statusAt(end + MINUTE)).toBe('final');
    expect(await statusAt(null)).toBe('open');
    expect((await get(`${DAY}&status=open`)).items).toHaveLength(6);
    await newestEvent(NIGHT + 13 * MINUTE);
  });

  it.each(['desc', 'asc'])('come page by page without gap or repetition: %s', async (order) => {
    const all = names(await get(`${DAY}&order=${order}`));
    for (const limit of [1, 2, 5, 6]) {
      const seen: string[] = [];
      let cursor = '';
      do {
        const page = await get(`${DAY}&order=${order}&limit=${limit}${cursor && `&cursor=${cursor}`}`);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...names(page));
        cursor = page.nextCursor ?? '';
      } while (cursor !== '');
      expect(seen).toEqual(all);
    }
  });

  it('take no cursor of another order or another list, and none that was made up', async () => {
    const { nextCursor } = await get(`${DAY}&limit=1`);
    for (const query of [
      `order=asc&cursor=${nextCursor!}`,
      `cursor=${nextCursor!.slice(0, -2)}`,
      'cursor=abc',
      `cursor=${Buffer.from('{"at":1}').toString('base64url')}`,
      'cursor=',
    ]) {
      const answer = await http.get(`/metrics?${query}`);
      expect([answer.status, answer.body]).toEqual([
        400,
        expect.objectContaining({
          code: 'invalid_request',
          errors: [expect.objectContaining({ field: 'cursor' })],
        }),
      ]);
    }
    expect((await http.get(`/metrics/keys?cursor=${nextCursor!}`)).status).toBe(400);
    expect((await http.get(`/anomalies?cursor=${nextCursor!}`)).status).toBe(400);
  });

  it('are those of the last 24 hours by default', async () => {
    const now = Math.floor(Date.now() / (5 * MINUTE)) * 5 * MINUTE;
    await window('event_type_agg', 'now', now - 23 * 60 * MINUTE);
    await window('event_type_agg', 'now', now - 25 * 60 * MINUTE);
    await window('event_type_agg', 'now', now);
    expect((await get('')).items.map(({ metricKey }) => metricKey)).toEqual(['now', 'now']);
    const first = await get('limit=1');
    expect((await get(`limit=1&cursor=${first.nextCursor!}`)).items).toHaveLength(1);
    await database.dataSource.query(`DELETE FROM real_time_metrics WHERE metric_key = 'now'`);
  });

  it.each([
    ['from=2025-11-09&to=2025-11-08', 'to'],
    ['from=2025-11-08&to=2025-11-08', 'to'],
    ['from=soon', 'from'],
    ['type=other', 'type'],
    ['status=done', 'status'],
    ['limit=1001', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=-1', 'limit'],
    ['key=', 'key'],
    ['key=a%00b', 'key'],
    ['format=xml', 'format'],
    ['Type=region_agg', 'Type'],
  ])('?%s is a mistake', async (query, field) => {
    const answer = await http.get(`/metrics?${query}`);
    expect([answer.status, answer.body]).toEqual([
      400,
      expect.objectContaining({ code: 'invalid_request', errors: [expect.objectContaining({ field })] }),
    ]);
  });

  describe('as CSV', () => {
    it('have a header row, and no formula that a spreadsheet would run', async () => {
      await window('region_agg', '=cmd', NIGHT + 10 * MINUTE);
      const answer = await http.get(`/metrics?${DAY}&type=region_agg&format=csv`);
      await database.dataSource.query(`DELETE FROM real_time_metrics WHERE metric_key = '=cmd'`);
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8']);
      const tail = '2025-11-08T22:30:01.234Z,2025-11-08T22:31:00Z';
      expect(answer.text.split('\n')).toEqual([
        'windowStart,windowEnd,metricType,metricKey,metricValue,eventCount,lateEvents,status,createdAt,updatedAt',
        `2025-11-08T22:40:00Z,2025-11-08T22:50:00Z,region_agg,'=cmd,1.5,1,0,open,${tail}`,
        `2025-11-08T22:30:00Z,2025-11-08T22:40:00Z,region_agg,"Алматы, ""=1+1""",1.5,1,0,final,${tail}`,
        `2025-11-08T22:30:00Z,2025-11-08T22:40:00Z,region_agg,Almaty,10.5,7,0,final,${tail}`,
        '',
      ]);
      expect(answer.headers).not.toHaveProperty('x-next-cursor');
    });

    it('come by the Accept header, unless the query says otherwise', async () => {
      const accept = { accept: 'text/csv' };
      expect((await http.get('/metrics', accept)).headers['content-type']).toMatch(/^text\/csv/);
      expect((await http.get('/metrics?format=json', accept)).headers['content-type']).toMatch(/json/);
      expect((await http.get('/metrics/keys', accept)).text).toBe(
        'metricType,metricKey,lastWindowStart\nevent_type_agg,call_incoming,2025-11-08T22:30:00Z\nevent_type_agg,sms,2025-11-08T22:40:00Z\nregion_agg,Almaty,2025-11-08T22:30:00Z\nregion_agg,"Алматы, ""=1+1""",2025-11-08T22:30:00Z\n',
      );
      expect((await http.get('/metrics?limit=0', accept)).headers['content-type']).toBe(
        'application/problem+json',
      );
    });

    it('have the next cursor in headers', async () => {
      const answer = await http.get(`/metrics?${DAY}&limit=4&format=csv`);
      const cursor = String(answer.headers['x-next-cursor']);
      expect(names(await get(`${DAY}&cursor=${cursor}`))).toEqual(['22:30 e sms', '22:30 e call_incoming']);
      const next = /^<(.+)>; rel="next"$/.exec(String(answer.headers.link))?.[1];
      const rest = await http.get(next!);
      expect(rest.text.split('\n')).toHaveLength(4);
      expect(rest.headers).not.toHaveProperty('x-next-cursor');
    });
  });

  describe('keys', () => {
    const keys = async (query = ''): Promise<string[][]> => {
      const answer = await http.get(`/metrics/keys?${query}`);
      expect(answer.status).toBe(200);
      return metricKeyPage
        .parse(answer.body)
        .items.map(({ metricType, metricKey, lastWindowStart }) => [metricType, metricKey, lastWindowStart]);
    };
    const ALL = [
      ['event_type_agg', 'call_incoming', '2025-11-08T22:30:00Z'],
      ['event_type_agg', 'sms', '2025-11-08T22:40:00Z'],
      ['region_agg', 'Almaty', '2025-11-08T22:30:00Z'],
      ['region_agg', 'Алматы, "=1+1"', '2025-11-08T22:30:00Z'],
    ];

    it('are each there once, with their newest window', async () => {
      expect(await keys()).toEqual(ALL);
    });

    it('can be picked by type', async () => {
      expect(await keys('type=event_type_agg')).toEqual(ALL.slice(0, 2));
      expect(await keys('type=region_agg')).toEqual(ALL.slice(2));
    });

    it('come page by page', async () => {
      const seen: unknown[] = [];
      let cursor: string | null = '';
      do {
        const answer = await http.get(`/metrics/keys?limit=1${cursor && `&cursor=${cursor}`}`);
        const page = metricKeyPage.parse(answer.body);
        seen.push(...page.items.map((item) => Object.values(item)));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(ALL);
    });

    it('are none in an empty table', async () => {
      const empty = await createTestDatabase();
      const other = await createHttpApp({ url: empty.url });
      expect((await other.get('/metrics/keys')).body).toEqual({ items: [], nextCursor: null });
      expect((await other.get('/metrics')).body).toEqual({ items: [], nextCursor: null });
      await other.close();
      await empty.drop();
    }, 30_000);
  });
});
