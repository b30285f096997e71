import fc from 'fast-check';
import { AnomaliesQueries } from '../../../src/anomalies/anomalies.queries.js';
import {
  anomaliesQuery,
  anomalyStatuses,
  type AnomaliesQuery,
} from '../../../src/anomalies/anomalies.schemas.js';
import { AnomalySearch } from '../../../src/anomalies/anomaly-search.js';
import { takeNextTexts } from '../../../src/anomalies/anomaly-texts.service.js';
import { storableJson } from '../../../src/anomalies/core/storable.js';
import { escapeForm } from '../../../src/anomalies/core/trigrams.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

const reasons = ['malformed_json', 'too_late', 'invalid_region'] as const;
const times = [
  '2025-11-08T10:00:00.000000Z',
  '2025-11-08T10:00:00.000001Z',
  '2025-11-08T11:00:00.5Z',
  '2025-11-09T00:00:00Z',
];

/** Texts that lie close to each other, with everything that patterns, encodings and trigrams may stumble over. */
const words = [
  'almaty',
  'ALMATY',
  'Алматы',
  'алматы',
  'call',
  '7701234567',
  '320',
  '%',
  '_',
  '\\',
  '"',
  ' ',
  'é',
  '😀',
  '\n',
];
const text = fc.array(fc.constantFrom(...words), { maxLength: 5 }).map((parts) => parts.join(''));
const record = fc.oneof(
  { weight: 5, arbitrary: fc.record({ region: text, note: text }).map((event) => JSON.stringify(event)) },
  { weight: 2, arbitrary: text.map((region) => escapedJson({ region })) },
  { weight: 2, arbitrary: text },
);
const rawRecord = fc.oneof(
  { weight: 8, arbitrary: record.map((value) => Buffer.from(value)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(text, text)
      .map(([a, b]) => Buffer.concat([Buffer.from(a), Buffer.from([0xff, 0xd0]), Buffer.from(b)])),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(text, text)
      .map(([a, b]) => Buffer.concat([Buffer.from(a), Buffer.from([0]), Buffer.from(b)])),
  },
  { weight: 1, arbitrary: text.map((value) => Buffer.from(`${value}${'x'.repeat(9000)}${value}`)) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const seed = fc.record({
  reason: fc.constantFrom(...reasons),
  status: fc.constantFrom(...anomalyStatuses),
  detail: text,
  raw: rawRecord,
  createdAt: fc.constantFrom(...times),
});
type Seed = typeof seed extends fc.Arbitrary<infer T> ? T : never;
const filters = fc.record(
  {
    reason: fc.constantFrom(...reasons),
    status: fc.constantFrom(...anomalyStatuses),
    from: fc.constantFrom(...times.slice(0, 3)),
    to: fc.constantFrom(times[3], '2025-11-10'),
    q: fc.oneof(
      {
        weight: 3,
        arbitrary: fc
          .array(fc.constantFrom(...words), { minLength: 1, maxLength: 2 })
          .map((parts) => parts.join('')),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'lmat',
          'LMAT',
          'мат',
          '23456',
          '0',
          'nowhere',
          'region": "',
          '\\u',
          'ty\n',
          'x'.repeat(200),
        ),
      },
    ),
  },
  { requiredKeys: [] },
);

interface Row {
  id: string;
  reason: string;
  status: string;
  detail: string;
  raw: Buffer | null;
  event: string | null;
  /** As `times`, but with all digits. */
  at: string;
}

describe('the list of anomalies', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  }, 30_000);
  afterAll(() => database.drop());

  const insert = async (rows: readonly Seed[]): Promise<void> => {
    await database.dataSource.query(
      `INSERT INTO anomalies (reason, status, detail, raw, event_data, topic, partition, incarnation, "offset", created_at)
       SELECT reason, status, detail, raw, event_data::jsonb, 'telecom_events', 0, 1,
              (SELECT coalesce(max("offset") + 1, 0) FROM anomalies) + n, created_at
         FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::timestamptz[])
              WITH ORDINALITY AS seed(reason, status, detail, raw, event_data, created_at, n)`,
      [
        rows.map(({ reason }) => reason),
        rows.map(({ status }) => status),
        rows.map(({ detail }) => detail),
        rows.map(({ raw }) => raw),
        rows.map(({ raw }) => (raw === null ? '{"region": "Алматы call"}' : eventOf(raw))),
        rows.map(({ createdAt }) => createdAt),
      ],
    );
  };
  const all = (): Promise<Row[]> =>
    database.dataSource.query(
      `SELECT id, reason, status, detail, raw, event_data::text AS event,
              to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at FROM anomalies`,
    );

  /** All pages, one after the other. */
  const collect = async (
    queries: AnomaliesQueries,
    query: Partial<AnomaliesQuery>,
    limit: number,
  ): Promise<string[]> => {
    const ids: string[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < 500; pages++) {
      const page = await queries.list({ ...query, limit, cursor });
      expect(page.items.length).toBeLessThanOrEqual(limit);
      ids.push(...page.items.map(({ id }) => id));
      if (page.nextCursor === null) return ids;
      cursor = page.nextCursor;
    }
    throw new Error('There is no end of pages');
  };

  /** As the service does some time after anomalies are stored. */
  const indexTexts = async (): Promise<void> => {
    while (await takeNextTexts(database.dataSource));
  };

  const narrow = { read: 3, readWithoutIndex: 4, readBytes: 2500, hits: 6, candidates: 2 };
  it.each([
    ['within the bounds of a search', true, undefined],
    ['when a page ends at the bounds of a search', true, narrow],
    ['without pg_trgm', false, narrow],
  ])('is, page by page, what the filters say, %s', async (_, indexed, bounds) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(seed, { minLength: 1, maxLength: 20 }), { maxLength: 3 }),
        fc.array(filters, { minLength: 6, maxLength: 6 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 3 }),
        async (statements, queries, limit, indexedStatements) => {
          const search = new AnomalySearch(database.dataSource);
          if (bounds) search.bounds = bounds;
          if (!indexed) Object.assign(search, { indexed: false });
          const anomalies = new AnomaliesQueries(database.dataSource, search);
          await database.dataSource.query('TRUNCATE anomalies');
          for (const [place, rows] of statements.entries()) {
            if (place === indexedStatements) await indexTexts();
            await insert(rows);
          }
          if (indexedStatements >= statements.length) await indexTexts();
          const rows = await all();
          for (const query of queries) {
            const parsed = anomaliesQuery.parse(query);
            expect(await collect(anomalies, parsed, limit)).toEqual(expected(rows, parsed));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('finds a rare text among many anomalies, however far back it is', async () => {
    await database.dataSource.query('TRUNCATE anomalies');
    await insert([
      {
        reason: 'too_late',
        status: 'new',
        detail: 'old',
        raw: Buffer.from('{"id": "b30f0f5c"}'),
        createdAt: times[0]!,
      },
    ]);
    await insert(
      Array.from({ length: 500 }, (_, n) => ({
        reason: 'too_late',
        status: 'new',
        detail: 'x',
        raw: Buffer.from(`{"id": "c${n}"}`),
        createdAt: times[2]!,
      })),
    );
    await indexTexts();
    const search = new AnomalySearch(database.dataSource);
    search.bounds = { ...search.bounds, read: 10 };
    const page = await new AnomaliesQueries(database.dataSource, search).list({ q: 'B30F0F5', limit: 10 });
    expect([page.items.length, page.nextCursor]).toEqual([1, null]);
  });

  it('keeps up with anomalies that change or go', async () => {
    const texts = async (): Promise<unknown> =>
      database.dataSource.query(
        `SELECT cardinality(ids) AS anomalies FROM anomaly_texts ORDER BY first_id, cardinality(ids)`,
      );
    await database.dataSource.query('TRUNCATE anomalies');
    const row: Seed = { reason: 'too_late', status: 'new', detail: 'first', raw: null, createdAt: times[0]! };
    await insert(Array.from({ length: 40 }, () => row));
    expect(await texts()).toEqual([]);
    await indexTexts();
    expect(await texts()).toEqual([{ anomalies: 16 }, { anomalies: 16 }, { anomalies: 8 }]);
    const [first]: { id: string }[] = await database.dataSource.query('SELECT min(id) AS id FROM anomalies');
    await database.dataSource.query(`UPDATE anomalies SET detail = 'amended' WHERE id = $1`, [first!.id]);
    const search = new AnomalySearch(database.dataSource);
    search.bounds = { ...search.bounds, read: 1 };
    const queries = new AnomaliesQueries(database.dataSource, search);
    expect(await collect(queries, { q: 'amended' }, 10)).toEqual([first!.id]);
    await database.dataSource.query(`DELETE FROM anomalies WHERE id < $1::bigint + 20`, [first!.id]);
    expect(await texts()).toEqual([{ anomalies: 16 }, { anomalies: 8 }]);
    await database.dataSource.query(`DELETE FROM anomalies`);
    expect(await texts()).toEqual([]);
  });

  it('goes on reading while the index does not know of all of them', async () => {
    await database.dataSource.query('TRUNCATE anomalies');
    const row = { reason: 'too_late', status: 'new', createdAt: times[0]!, raw: null } as const;
    await insert([{ ...row, detail: 'b30f0f5c' }]);
    await indexTexts();
    await insert(Array.from({ length: 500 }, () => ({ ...row, detail: 'frequent' })));
    const search = new AnomalySearch(database.dataSource);
    search.bounds = { ...search.bounds, read: 10 };
    const queries = new AnomaliesQueries(database.dataSource, search);
    const first = await queries.list({ q: 'b30f0f5', limit: 10 });
    expect([first.items, first.nextCursor === null]).toEqual([[], false]);
    expect(await collect(queries, { q: 'b30f0f5' }, 10)).toHaveLength(1);
    await indexTexts();
    expect((await queries.list({ q: 'b30f0f5', limit: 10 })).items).toHaveLength(1);
  });

  it('share the texts of what two flushes have stored together', async () => {
    await database.dataSource.query('TRUNCATE anomalies');
    const [one, other] = [database.dataSource.createQueryRunner(), database.dataSource.createQueryRunner()];
    const add = (runner: typeof one) =>
      runner.query(
        `INSERT INTO anomalies (reason, detail, topic, partition, incarnation, "offset")
         SELECT 'too_late', 'x', 't', 0, 1, nextval('anomalies_id_seq') FROM generate_series(1, 20)`,
      );
    for (const runner of [one, other]) await runner.startTransaction();
    for (const runner of [one, other, one]) await add(runner);
    for (const runner of [other, one]) await runner.commitTransaction();
    for (const runner of [one, other]) await runner.release();
    await Promise.all([indexTexts(), indexTexts()]);
    const [row]: { texts: string; anomalies: string }[] = await database.dataSource.query(
      `SELECT count(*) AS texts, count(DISTINCT id) AS anomalies FROM anomaly_texts, unnest(ids) AS id`,
    );
    expect(row).toEqual({ texts: '60', anomalies: '60' });
  });

  it('starts a page where a cursor of another list does not lead', async () => {
    const queries = new AnomaliesQueries(database.dataSource, new AnomalySearch(database.dataSource));
    await expect(queries.list({ limit: 1, cursor: 'eHh4eHh4eHgxMg' })).rejects.toThrow();
  });
});

/** The same by the rules as they are written, in memory. */
function expected(rows: readonly Row[], { reason, status, from, to, q }: AnomaliesQuery): string[] {
  return rows
    .filter(
      (row) =>
        (!reason || row.reason === reason) &&
        (!status || row.status === status) &&
        (!from || row.at >= from) &&
        (!to || row.at < to) &&
        (!q || holds(row, q)),
    )
    .sort((a, b) => (a.at === b.at ? Number(b.id) - Number(a.id) : a.at < b.at ? 1 : -1))
    .map(({ id }) => id);
}

function holds({ detail, raw, event }: Row, q: string): boolean {
  const start = raw?.subarray(0, 8192);
  return (
    includes(detail, q) ||
    (start !== undefined &&
      (start.includes(0)
        ? includes(escapeForm(start), escapeForm(Buffer.from(q)))
        : includes(start.toString('latin1'), Buffer.from(q).toString('latin1')))) ||
    (event !== null && (raw === null || (raw.length <= 8192 && raw.includes('\\u'))) && includes(event, q))
  );
}

const includes = (text: string, part: string): boolean => asciiLower(text).includes(asciiLower(part));
const asciiLower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** JSON with everything beyond ASCII as `\uXXXX`. */
const escapedJson = (value: object): string =>
  JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

function eventOf(raw: Buffer): string | null {
  try {
    const event: unknown = JSON.parse(raw.toString());
    return typeof event === 'object' ? storableJson(event) : null;
  } catch {
    return null;
  }
}
