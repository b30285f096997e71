import type { DataSource } from 'typeorm';
import { AnomaliesQueries } from '../../../src/anomalies/anomalies.queries.js';
import { anomaliesQuery } from '../../../src/anomalies/anomalies.schemas.js';
import { AnomalySearch } from '../../../src/anomalies/anomaly-search.js';
import { takeNextTexts } from '../../../src/anomalies/anomaly-texts.service.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { ExplainingDatabase } from '../../support/explain.js';

const ROWS = 200_000;

/** What pages of a large table touch. Times are those of a machine; rows and buffers are not. */
describe('a page of many anomalies', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    // Twenty anomalies every 20 seconds; every fourth is too late, two in all are discarded, one reason is rare.
    for (let from = 0; from < ROWS; from += 50_000) {
      await database.dataSource.query(
        `INSERT INTO anomalies (reason, status, detail, raw, topic, partition, incarnation, "offset", created_at)
         SELECT CASE WHEN n % 4 = 0 THEN 'too_late' WHEN n % 5000 = 1 THEN 'invalid_region' ELSE 'invalid_duration' END,
                CASE WHEN n IN (10, 1000) THEN 'discarded' WHEN n < 50000 AND n % 2 = 0 THEN 'replayed' ELSE 'new' END,
                'for a test', convert_to('{"msisdn": "7' || lpad((n::bigint * 7919 % 1000000007)::text, 10, '0') || '"}', 'UTF8'),
                'telecom_events', 0, 1, n, timestamptz '2025-11-01' + n / 20 * interval '20 seconds'
           FROM generate_series($1::integer, $2::integer) AS n`,
        [from, from + 49_999],
      );
    }
    while (await takeNextTexts(database.dataSource));
    await database.dataSource.query('VACUUM ANALYZE anomalies, anomaly_texts, anomaly_texts_pending');
  }, 120_000);
  afterAll(() => database.drop());

  const cost = async (query: object): Promise<ExplainingDatabase & { items: number }> => {
    const explaining = new ExplainingDatabase(database.dataSource);
    const connection = explaining as unknown as DataSource;
    const { items } = await new AnomaliesQueries(connection, new AnomalySearch(connection)).list(
      anomaliesQuery.parse(query),
    );
    return Object.assign(explaining, { items: items.length });
  };
  const msisdn = (n: number): string => `7${String((n * 7919) % 1_000_000_007).padStart(10, '0')}`;
  const cases: [object, number][] = [
    [{}, 100],
    [{ limit: '1000' }, 1000],
    [{ reason: 'invalid_region' }, 40],
    [{ status: 'discarded' }, 2],
    [{ status: 'new' }, 100],
    [{ reason: 'too_late', status: 'discarded' }, 1],
    [{ reason: 'too_late', status: 'replayed' }, 100],
    [{ reason: 'invalid_region', status: 'discarded' }, 0],
    [{ reason: 'late_event' }, 0],
    [{ from: '2025-11-02', to: '2025-11-03' }, 100],
    [{ status: 'discarded', from: '2025-11-01', to: '2025-11-03' }, 2],
    [{ status: 'replayed', from: '2025-11-02' }, 0],
    [{ reason: 'too_late', from: '2025-11-01T10:00:00Z', to: '2025-11-01T10:00:40Z' }, 10],
    [{ to: '2025-11-01T00:00:20Z' }, 20],
  ];

  it.each(cases)('%j reads no more than it shows', async (query, items) => {
    const touched = await cost(query);
    expect(touched.items).toBe(items);
    // Each of up to 13 ranges that are merged is one row ahead.
    expect(touched.rows).toBeLessThanOrEqual(items + 40);
    expect(touched.buffers).toBeLessThanOrEqual(items + 400);
  });

  it('reads no more of the last pages than of the first', async () => {
    const queries = new AnomaliesQueries(database.dataSource, new AnomalySearch(database.dataSource));
    const to = anomaliesQuery.parse({ to: '2025-11-01T00:30:00Z', status: 'new' });
    const { nextCursor } = await queries.list(to);
    const touched = await cost({ status: 'new', cursor: nextCursor });
    expect([touched.items, touched.rows <= 140]).toEqual([100, true]);
  });

  const searches: [object, number][] = [
    [{ q: msisdn(150) }, 1],
    [{ q: msisdn(150), reason: 'invalid_duration', status: 'replayed' }, 1],
    [{ q: msisdn(151), status: 'replayed' }, 0],
    [{ q: msisdn(150).slice(1), to: '2025-11-02' }, 1],
    [{ q: 'nowhere' }, 0],
    [{ q: 'msisdn' }, 100],
    [{ q: '7' }, 100],
    [{ q: 'msisdn', status: 'discarded' }, 2],
    [{ q: 'for a test', limit: '1000' }, 1000],
    [{ q: 'Z7' }, 0],
    [{ q: 'test msisdn' }, 0],
  ];

  it.each(searches)('%j reads within its bounds', async (query, items) => {
    const touched = await cost(query);
    expect(touched.items).toBe(items);
    expect(touched.rows).toBeLessThan(30_000);
    expect(touched.buffers).toBeLessThan(30_000);
  });

  it('reads a large part of the table without the indexes', async () => {
    await database.dataSource.query(
      'DROP INDEX anomalies_by_time, anomalies_by_reason_status; DROP INDEX anomaly_texts_trigrams',
    );
    for (const query of [
      {},
      { status: 'discarded' },
      { reason: 'too_late', from: '2025-11-01T10:00:00Z', to: '2025-11-01T10:00:30Z' },
    ])
      expect((await cost(query)).rows).toBeGreaterThan(ROWS / 2);
  });
});
