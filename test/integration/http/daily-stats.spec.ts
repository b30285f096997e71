import { dailyStatPage, type DailyStat } from '../../../src/daily-stats/daily-stats.schemas.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createHttpApp, type Answer, type HttpApp } from '../../support/http-app.js';

interface DailyStatPage {
  items: DailyStat[];
  nextCursor: string | null;
}

/** In the order in which they are to come: by day, type and key, byte by byte. */
const ROWS: readonly (readonly [day: string, type: string, key: string, value: number])[] = [
  ['2025-10-31', 'total_events_count', 'all_regions', 1],
  ['2025-11-08', 'anomalies_count', 'invalid_region', 3],
  ['2025-11-08', 'data_volume_gb', 'all', 1.4970703125],
  ['2025-11-08', 'event_type_total_events', 'call_incoming', 5],
  ['2025-11-08', 'recharge_amount', 'all', 1500.01],
  ['2025-11-08', 'region_total_events', '=1+1', 4],
  ['2025-11-08', 'region_total_events', 'Almaty', 2449],
  ['2025-11-08', 'region_total_events', 'almaty', 2],
  ['2025-11-08', 'region_total_events', 'Алматы, "А"', 1],
  ['2025-11-08', 'total_events_count', 'all_regions', 2456],
  ['2025-11-09', 'region_total_events', 'Almaty', 7],
  ['2025-11-30', 'region_total_events', 'Almaty', 8],
  ['2025-12-01', 'region_total_events', 'Almaty', 9],
];
const names = (rows: typeof ROWS): string[] => rows.map(([day, type, key]) => `${day} ${type} ${key}`);
const EIGHTH = names(ROWS.filter(([day]) => day === '2025-11-08'));

describe('daily stats', () => {
  let database: TestDatabase;
  let http: HttpApp;

  const pageOf = (answer: Answer): DailyStatPage => {
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    return dailyStatPage.parse(answer.body);
  };
  const get = async (query: string): Promise<DailyStatPage> =>
    pageOf(await http.get(`/daily-stats?${query}`));
  const namesOf = ({ items }: DailyStatPage): string[] =>
    items.map(({ statDate, metricType, metricKey }) => `${statDate} ${metricType} ${metricKey}`);

  beforeAll(async () => {
    database = await createTestDatabase();
    http = await createHttpApp({ url: database.url });
    for (const [name, from, to] of [
      ['daily_stats_2025_10', '2025-10-01', '2025-11-01'],
      ['daily_stats_2025_11', '2025-11-01', '2025-12-01'],
      ['daily_stats_2025_12', '2025-12-01', '2026-01-01'],
    ])
      await database.dataSource.query(
        `CREATE TABLE ${name!} PARTITION OF daily_stats FOR VALUES FROM ('${from!}') TO ('${to!}')`,
      );
    // The last first, so that no order but the asked one comes by itself.
    for (const row of [...ROWS].reverse())
      await database.dataSource.query(
        `INSERT INTO daily_stats (stat_date, metric_type, metric_key, metric_value) VALUES ($1, $2, $3, $4)`,
        [...row],
      );
    // Small tables are read in the order of their rows when the planner knows that they are small.
    await database.dataSource.query('ANALYZE daily_stats');
  }, 30_000);
  afterAll(async () => {
    await http.close();
    await database.drop();
  });

  it('are the rows of one day, sorted by type and key', async () => {
    const answer = await http.get('/daily-stats?date=2025-11-08');
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        items: ROWS.filter(([day]) => day === '2025-11-08').map(
          ([statDate, metricType, metricKey, metricValue]) => ({
            statDate,
            metricType,
            metricKey,
            metricValue,
          }),
        ),
        nextCursor: null,
      },
    ]);
  });

  it('are those of a half-open range of days', async () => {
    expect(namesOf(await get('from=2025-11-08&to=2025-11-09'))).toEqual(EIGHTH);
    expect(namesOf(await get('from=2025-11-09&to=2025-12-01'))).toEqual([
      '2025-11-09 region_total_events Almaty',
      '2025-11-30 region_total_events Almaty',
    ]);
    expect(namesOf(await get('from=2025-11-01&to=2025-11-08'))).toEqual([]);
    expect(namesOf(await get('from=0001-01-01&to=9999-12-31'))).toEqual(names(ROWS));
  });

  it('can be picked by type and key, exactly', async () => {
    const day = 'date=2025-11-08';
    expect(namesOf(await get(`${day}&type=anomalies_count`))).toEqual([
      '2025-11-08 anomalies_count invalid_region',
    ]);
    expect(namesOf(await get(`${day}&key=all`))).toEqual([
      '2025-11-08 data_volume_gb all',
      '2025-11-08 recharge_amount all',
    ]);
    expect(namesOf(await get(`${day}&type=recharge_amount&key=all`))).toEqual([
      '2025-11-08 recharge_amount all',
    ]);
    expect(namesOf(await get(`${day}&key=Almaty`))).toEqual(['2025-11-08 region_total_events Almaty']);
    expect(namesOf(await get(`${day}&key=Alm`))).toEqual([]);
    expect(namesOf(await get(`${day}&key=${encodeURIComponent('Алматы, "А"')}`))).toHaveLength(1);
    expect(namesOf(await get(`${day}&type=other`))).toEqual([]);
    expect(namesOf(await get('from=2025-11-01&to=2026-01-01&type=region_total_events&key=Almaty'))).toEqual([
      '2025-11-08 region_total_events Almaty',
      '2025-11-09 region_total_events Almaty',
      '2025-11-30 region_total_events Almaty',
      '2025-12-01 region_total_events Almaty',
    ]);
  });

  it.each(['2025-11-10', '2025-11-01', '2024-02-29', '2026-02-28', '0001-01-01', '9999-12-31'])(
    'of a day without any are an empty list: %s',
    async (day) => {
      expect(await get(`date=${day}`)).toEqual({ items: [], nextCursor: null });
    },
  );

  it('come the newest first with order=desc', async () => {
    const range = 'from=2025-10-01&to=2026-01-01';
    expect(namesOf(await get(`${range}&order=desc`))).toEqual(namesOf(await get(range)).reverse());
    const { nextCursor } = await get(`${range}&order=desc&limit=1`);
    expect((await http.get(`/daily-stats?${range}&cursor=${nextCursor!}`)).status).toBe(400);
  });

  it.each([
    'date=2025-11-08',
    'from=2025-10-01&to=2026-01-01',
    'from=2025-10-01&to=2026-01-01&order=desc',
    'from=2025-10-01&to=2026-01-01&key=Almaty',
  ])('come page by page without gap or repetition: %s', async (range) => {
    const all = namesOf(await get(range));
    for (const limit of [1, 2, 3, all.length - 1, all.length, 1000]) {
      const seen: string[] = [];
      let cursor = '';
      do {
        const page = await get(`${range}&limit=${limit}${cursor && `&cursor=${cursor}`}`);
        expect(page.items).toHaveLength(Math.min(limit, all.length - seen.length));
        seen.push(...namesOf(page));
        cursor = page.nextCursor ?? '';
      } while (cursor !== '');
      expect(seen).toEqual(all);
    }
  });

  it('take no cursor of another list, and none that was made up', async () => {
    const { nextCursor } = await get('date=2025-11-08&limit=1');
    for (const cursor of [nextCursor!.slice(0, -2), `${nextCursor!}AA`, 'abc', '', '%00']) {
      const answer = await http.get(`/daily-stats?date=2025-11-08&cursor=${cursor}`);
      expect([answer.status, answer.body]).toEqual([
        400,
        expect.objectContaining({
          code: 'invalid_request',
          errors: [expect.objectContaining({ field: 'cursor' })],
        }),
      ]);
    }
    for (const list of ['/metrics', '/batch/runs', '/anomalies'])
      expect((await http.get(`${list}?cursor=${nextCursor!}`)).status).toBe(400);
  });

  it.each([
    // No day, or more than one way to say which.
    ['', 'date'],
    ['type=anomalies_count', 'date'],
    ['date=2025-11-08&from=2025-11-01', 'date'],
    ['date=2025-11-08&to=2025-11-09', 'date'],
    ['date=2025-11-08&from=2025-11-08&to=2025-11-09', 'date'],
    ['from=2025-11-08', 'to'],
    ['to=2025-11-08', 'from'],
    ['from=2025-11-08&to=2025-11-08', 'to'],
    ['from=2025-11-09&to=2025-11-08', 'to'],
    // What is no day.
    ...[
      '2025-02-30',
      '2025-02-29',
      '2025-11-08T00:00:00Z',
      'x',
      '',
      '0000-01-01',
      '2025-11-8',
      'today',
    ].flatMap((text) => [
      [`date=${text}`, 'date'],
      [`from=${text}&to=2025-11-09`, 'from'],
      [`from=2025-11-08&to=${text}`, 'to'],
    ]),
    ['date=2025-11-08&date=2025-11-08', 'date'],
    ['from=2025-11-08&from=2025-11-07&to=2025-11-09', 'from'],
    ['from=2025-11-08&to=2025-11-09&to=2025-11-09', 'to'],
    // The rest.
    ['date=2025-11-08&type=', 'type'],
    [`date=2025-11-08&type=${'x'.repeat(51)}`, 'type'],
    ['date=2025-11-08&key=', 'key'],
    ['date=2025-11-08&key=a%00b', 'key'],
    [`date=2025-11-08&key=${'x'.repeat(256)}`, 'key'],
    ['date=2025-11-08&limit=0', 'limit'],
    ['date=2025-11-08&limit=1001', 'limit'],
    ['date=2025-11-08&format=xml', 'format'],
    ['date=2025-11-08&status=final', 'status'],
    ['date=2025-11-08&Type=anomalies_count', 'Type'],
  ])('?%s is a mistake', async (query, field) => {
    const answer = await http.get(`/daily-stats?${query}`);
    expect([answer.status, answer.body]).toEqual([
      400,
      expect.objectContaining({
        code: 'invalid_request',
        errors: [{ field, message: expect.stringMatching(/\w/) as string }],
      }),
    ]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('name every mistake of a request at once', async () => {
    const answer = await http.get('/daily-stats?limit=0&day=2025-11-08');
    const { errors }: { errors: { field: string }[] } = answer.body;
    expect(errors.map(({ field }) => field).sort()).toEqual(['date', 'day', 'limit']);
  });

  describe('as CSV', () => {
    it('have a header row, and no formula that a spreadsheet would run', async () => {
      const answer = await http.get('/daily-stats?date=2025-11-08&format=csv');
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8']);
      expect(answer.text.split('\n')).toEqual([
        'statDate,metricType,metricKey,metricValue',
        '2025-11-08,anomalies_count,invalid_region,3',
        '2025-11-08,data_volume_gb,all,1.4970703125',
        '2025-11-08,event_type_total_events,call_incoming,5',
        '2025-11-08,recharge_amount,all,1500.01',
        `2025-11-08,region_total_events,'=1+1,4`,
        '2025-11-08,region_total_events,Almaty,2449',
        '2025-11-08,region_total_events,almaty,2',
        '2025-11-08,region_total_events,"Алматы, ""А""",1',
        '2025-11-08,total_events_count,all_regions,2456',
        '',
      ]);
      expect(answer.headers).not.toHaveProperty('x-next-cursor');
    });

    it('come by the Accept header, unless the query says otherwise', async () => {
      const accept = { accept: 'text/csv' };
      const byHeader = await http.get('/daily-stats?date=2025-11-08', accept);
      expect(byHeader.text).toBe((await http.get('/daily-stats?date=2025-11-08&format=csv')).text);
      expect(byHeader.headers.vary).toContain('Accept');
      const json = await http.get('/daily-stats?date=2025-11-08&format=json', accept);
      expect(json.headers['content-type']).toMatch(/^application\/json/);
      expect((await http.get('/daily-stats', accept)).headers['content-type']).toBe(
        'application/problem+json',
      );
    });

    it('of a day without any are the header row alone', async () => {
      expect((await http.get('/daily-stats?date=2025-11-10&format=csv')).text).toBe(
        'statDate,metricType,metricKey,metricValue\n',
      );
    });

    it('have the next cursor in headers', async () => {
      const first = await http.get('/daily-stats?date=2025-11-08&limit=7&format=csv');
      expect(first.text.split('\n')).toHaveLength(9);
      const cursor = String(first.headers['x-next-cursor']);
      expect(namesOf(await get(`date=2025-11-08&cursor=${cursor}`))).toEqual(EIGHTH.slice(7));
      const next = /^<(.+)>; rel="next"$/.exec(String(first.headers.link))?.[1];
      const rest = await http.get(next!);
      expect(rest.text.split('\n')).toHaveLength(4);
      expect(rest.headers).not.toHaveProperty('x-next-cursor');
    });
  });
});
