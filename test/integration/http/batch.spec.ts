import { hostname } from 'node:os';
import {
  batchRun,
  batchRunPage,
  type BatchRun,
  type BatchSchedule,
} from '../../../src/daily-stats/batch/batch.schemas.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { waitFor } from '../../support/service.js';
import { createHttpApp, type Answer, type HttpApp } from '../../support/http-app.js';

interface BatchRunPage {
  items: BatchRun[];
  nextCursor: string | null;
}

/** The clock of the batch stands still here: today is a Monday, yesterday is due and would be missing. */
const NOW = '2025-11-10T12:00:00Z';
const [TODAY, YESTERDAY, TOMORROW] = ['2025-11-10', '2025-11-09', '2025-11-11'];

/** See DAY_LOCK in daily-stats.repository.ts: what a replica holds while it builds the day. */
const dayLock = (day: string): string => `7401010, date '${day}' - date '2000-01-01'`;

let database: TestDatabase;
let http: HttpApp;

async function start(env: Record<string, string> = {}, { paused = true } = {}): Promise<void> {
  database = await createTestDatabase();
  // Before the service is there: its first round comes right after the start.
  if (paused) await sql(`UPDATE batch_control SET paused_at = now()`);
  http = await createHttpApp({ url: database.url, now: NOW, env });
}

async function stop(): Promise<void> {
  await http.close();
  await database.drop();
}

const sql = <T>(statement: string, values: unknown[] = []): Promise<T[]> =>
  database.dataSource.query(statement, values);

/** Puts a window there, and notes the change of its day as a flush does. */
async function window(type: string, key: string, start: string, count: number, micros = 0): Promise<void> {
  await sql(
    `INSERT INTO real_time_metrics (metric_type, metric_key, window_start, window_end, event_count, sum_micros, metric_value)
     VALUES ($1, $2, $3, $3::timestamptz + interval '5 min', $4, $5, 0)`,
    [type, key, start, count, micros],
  );
  await changed(start.slice(0, 10));
}

const changed = (day: string) =>
  sql(
    `INSERT INTO stat_days AS stored (stat_date) VALUES ($1)
     ON CONFLICT (stat_date) DO UPDATE SET version = stored.version + 1,
       stale_since = CASE WHEN stored.built_version IS NOT NULL THEN now() END`,
    [day],
  );

/** One partition that is not idle, so that its event time is the pipeline's; the watermark is one minute behind. */
async function newestEvent(time: string | null): Promise<void> {
  await sql('DELETE FROM ingest_partitions');
  await sql(
    `INSERT INTO ingest_partitions (topic, partition, next_offset, newest_event_time, seen_at) VALUES ('telecom_events', 0, 0, $1, now())`,
    [time],
  );
}

/** A run as it would stand there. @returns its id */
async function seedRun(day: string, columns: Record<string, unknown> = {}): Promise<string> {
  const row = { stat_date: day, trigger: 'catch_up', ...columns };
  const names = Object.keys(row);
  const [run] = await sql<{ id: string }>(
    `INSERT INTO batch_runs (${names.join()}) VALUES (${names.map((_, index) => `$${index + 1}`).join()}) RETURNING id`,
    Object.values(row),
  );
  return run!.id;
}

async function get<T>(path: string): Promise<T> {
  const answer = await http.get(path);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.body;
}

const runs = async (query = ''): Promise<BatchRunPage> =>
  batchRunPage.parse(await get<BatchRunPage>(`/batch/runs?${query}`));
const schedule = () => get<BatchSchedule>('/batch/schedule');
const stats = async (day: string): Promise<string[]> =>
  (await get<{ items: Record<string, unknown>[] }>(`/daily-stats?date=${day}`)).items.map(
    ({ metricType, metricKey, metricValue }) => [metricType, metricKey, metricValue].join(' '),
  );

const post = (path: string, body?: unknown): Promise<Answer> =>
  http.post(path, body === undefined ? undefined : JSON.stringify(body));
async function run(body?: unknown, query = ''): Promise<BatchRun> {
  const answer = await post(`/batch/run${query}`, body);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return batchRun.parse(answer.body);
}

/** The answer is a 400 that names exactly these fields, in any order. */
function expectMistakes(answer: Answer, ...fields: string[]): void {
  expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
  const problem: { code: string; errors: { field: string; message: string }[] } = answer.body;
  expect(problem.code).toBe('invalid_request');
  expect(problem.errors.map(({ field }) => field).sort()).toEqual(fields.sort());
  for (const { message } of problem.errors) expect(message).toMatch(/\w/);
}

const NO_DAYS = [
  '2025-02-29',
  '2025-02-30',
  '2025-13-01',
  '0000-01-01',
  '2025-11-8',
  '2025-11-08T00:00:00Z',
  'yesterday',
  'x',
  '',
];

describe('the batch', () => {
  beforeAll(() => start(), 30_000);
  beforeEach(async () => {
    for (const table of [
      'batch_runs',
      'stat_days',
      'daily_stats',
      'real_time_metrics',
      'anomalies',
      'ingest_partitions',
    ])
      await sql(`DELETE FROM ${table}`);
  });
  afterAll(stop);

  describe('POST /batch/run', () => {
    it('builds the day, and answers with the run, also while the batch is paused', async () => {
      await window('region_agg', 'Almaty', '2025-11-08T00:00Z', 3);
      await window('region_agg', 'Almaty', '2025-11-08T23:50Z', 4);
      await window('region_agg', 'Astana', '2025-11-08T12:00Z', 2);
      await window('region_agg', 'Almaty', '2025-11-07T23:50Z', 100);
      await window('region_agg', 'Almaty', '2025-11-09T00:00Z', 100);
      await window('event_type_agg', 'call_incoming', '2025-11-08T12:05Z', 5);
      await window('event_type_agg', 'data_session', '2025-11-08T12:05Z', 2, 1_536_000_000);
      await window('event_type_agg', 'balance_recharge_card', '2025-11-08T23:55Z', 2, 1_500_010_000);
      await sql(
        `INSERT INTO anomalies (reason, detail, topic, partition, incarnation, "offset", event_time)
         VALUES ('invalid_region', '', 'telecom_events', 0, 1, 0, '2025-11-08T23:59:59.999999Z')`,
      );
      const answer = await post('/batch/run', { date: '2025-11-08' });
      const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
      expect([answer.status, answer.body]).toEqual([
        200,
        {
          id: expect.stringMatching(/^\d+$/) as string,
          date: '2025-11-08',
          status: 'succeeded',
          trigger: 'manual',
          attempts: 1,
          rows: 9,
          error: null,
          owner: `${hostname()}:${process.pid}`,
          waitingFor: null,
          nextAttemptAt: null,
          createdAt: instant,
          startedAt: instant,
          finishedAt: instant,
        },
      ]);
      expect(await stats('2025-11-08')).toEqual([
        'anomalies_count invalid_region 1',
        'data_volume_gb all 1.5',
        'event_type_total_events balance_recharge_card 2',
        'event_type_total_events call_incoming 5',
        'event_type_total_events data_session 2',
        'recharge_amount all 1500.01',
        'region_total_events Almaty 7',
        'region_total_events Astana 2',
        'total_events_count all_regions 9',
      ]);
      expect(await stats('2025-11-07')).toEqual([]);
      expect(await stats('2025-11-09')).toEqual([]);
      expect((await schedule()).paused).toBe(true);
    });

    it('puts the rows of a day in place of those it had', async () => {
      await window('region_agg', 'Almaty', '2025-11-08T12:00Z', 3);
      const first = await run({ date: '2025-11-08' });
      const second = await run({ date: '2025-11-08' });
      expect([first.rows, second.rows]).toEqual([2, 2]);
      expect(BigInt(second.id)).toBeGreaterThan(BigInt(first.id));
      await sql(`UPDATE real_time_metrics SET metric_key = 'Astana', event_count = 4`);
      expect((await run({ date: '2025-11-08' })).rows).toBe(2);
      expect(await stats('2025-11-08')).toEqual([
        'region_total_events Astana 4',
        'total_events_count all_regions 4',
      ]);
    });

    it('takes the date from the body, from the query, or from both when they agree', async () => {
      expect((await run({ date: '2025-11-05' })).date).toBe('2025-11-05');
      expect((await run(undefined, '?date=2025-11-06')).date).toBe('2025-11-06');
      expect((await run({}, '?date=2025-11-06')).date).toBe('2025-11-06');
      expect((await run({ date: '2025-11-07' }, '?date=2025-11-07')).date).toBe('2025-11-07');
      expectMistakes(await post('/batch/run?date=2025-11-08', { date: '2025-11-07' }), 'date');
      expect((await runs()).items).toHaveLength(4);
    });

    it('builds yesterday, in UTC, when no date is given', async () => {
      expect(await run()).toMatchObject({ date: YESTERDAY, status: 'succeeded' });
      expect(await run({})).toMatchObject({ date: YESTERDAY, status: 'succeeded' });
      expect(await run({ force: true })).toMatchObject({ date: YESTERDAY, status: 'succeeded' });
      // No body and no content type.
      expect((await http.post('/batch/run', undefined, {})).body).toMatchObject({ date: YESTERDAY });
    });

    it.each([TODAY, TOMORROW, '2026-11-09', '9999-12-31'])(
      'refuses a day that is not over: %s',
      async (date) => {
        expectMistakes(await post('/batch/run', { date }), 'date');
        expectMistakes(await post('/batch/run', { date, force: true }), 'date');
        expectMistakes(await post(`/batch/run?date=${date}`), 'date');
        expect((await runs()).items).toEqual([]);
      },
    );

    it.each(NO_DAYS)('refuses what is no day: %j', async (date) => {
      expectMistakes(await post('/batch/run', { date }), 'date');
      expectMistakes(await post(`/batch/run?date=${date}`), 'date');
      expectMistakes(await post(`/batch/run?date=${date}`, {}), 'date');
      expect((await runs()).items).toEqual([]);
    });

    it.each([
      [{ date: 20251108 }, 'date'],
      [{ date: null }, 'date'],
      [{ date: ['2025-11-08'] }, 'date'],
      [{ force: 'true' }, 'force'],
      [{ force: null }, 'force'],
      [{ Date: '2025-11-08' }, 'Date'],
      [{ date: '2025-11-08', day: '2025-11-08' }, 'day'],
      [[], 'body'],
      [['2025-11-08'], 'body'],
      ['2025-11-08', 'body'],
      [20251108, 'body'],
      [true, 'body'],
    ])('refuses the body %j', async (body, field) => {
      expectMistakes(await post('/batch/run', body), field);
      expect((await runs()).items).toEqual([]);
    });

    it('names every mistake of a body at once', async () => {
      expectMistakes(
        await post('/batch/run', { date: 'x', force: 1, a: 1, b: 2 }),
        'date',
        'force',
        'a',
        'b',
      );
    });

    it.each([
      ['?date=2025-11-08&date=2025-11-08', 'date'],
      ['?date=2025-11-08&force=true', 'force'],
      ['?Date=2025-11-08', 'Date'],
    ])('refuses the query %s', async (query, field) => {
      expectMistakes(await post(`/batch/run${query}`), field);
    });

    it('refuses a body that is no JSON', async () => {
      const answer = await http.post('/batch/run', '{"date": 2025-11-08}');
      expect([answer.status, answer.body]).toEqual([
        400,
        expect.objectContaining({ code: 'malformed_json' }),
      ]);
      const form = await http.post('/batch/run', 'date=2025-11-08', {
        'content-type': 'application/x-www-form-urlencoded',
      });
      expect(form.status).toBe(415);
    });

    it('builds 29 February of a leap year, and the last day of any', async () => {
      await window('region_agg', 'Almaty', '2024-02-29T23:50Z', 3);
      await window('region_agg', 'Almaty', '2024-03-01T00:00Z', 4);
      await window('region_agg', 'Almaty', '2024-12-31T23:50Z', 5);
      expect(await run({ date: '2024-02-29' })).toMatchObject({ date: '2024-02-29', rows: 2 });
      expect(await run({ date: '2024-12-31' })).toMatchObject({ date: '2024-12-31', rows: 2 });
      expect((await stats('2024-02-29')).at(-1)).toBe('total_events_count all_regions 3');
      expect((await stats('2024-12-31')).at(-1)).toBe('total_events_count all_regions 5');
      expectMistakes(await post('/batch/run', { date: '2025-02-29' }), 'date');
    });

    it('succeeds for a day without data, which then has no rows', async () => {
      expect(await run({ date: '2025-11-08' })).toMatchObject({ status: 'succeeded', rows: 0, error: null });
      expect(await stats('2025-11-08')).toEqual([]);
      await window('region_agg', 'Almaty', '2025-11-08T12:00Z', 3);
      expect(await run({ date: '2025-11-08' })).toMatchObject({ status: 'succeeded', rows: 2 });
      await sql('DELETE FROM real_time_metrics');
      expect(await run({ date: '2025-11-08' })).toMatchObject({ status: 'succeeded', rows: 0 });
      expect(await stats('2025-11-08')).toEqual([]);
    });

    describe('while the watermark has not passed the day', () => {
      beforeEach(() => window('region_agg', 'Almaty', '2025-11-08T12:00Z', 3));

      it.each(['2025-11-08T23:30:00Z', '2025-11-07T00:00:00Z', null])(
        'leaves the run waiting: the newest event is of %s',
        async (newest) => {
          await newestEvent(newest);
          const waiting = await run({ date: '2025-11-08' });
          expect(waiting).toMatchObject({
            status: 'waiting',
            trigger: 'manual',
            attempts: 0,
            rows: null,
            error: null,
            startedAt: null,
            finishedAt: null,
          });
          expect((await run({ date: '2025-11-08' })).id).toBe(waiting.id);
          expect(await get(`/batch/runs/${waiting.id}`)).toEqual(waiting);
          expect(await stats('2025-11-08')).toEqual([]);
        },
      );

      //   newest event   00:00:59.999   00:01:00
      //   watermark      23:59:59.999 ) 00:00:00: nothing of the day is on its way any more
      it('waits for the first instant after the day, and not longer', async () => {
        await newestEvent('2025-11-09T00:00:59.999Z');
        const { id, status } = await run({ date: '2025-11-08' });
        expect(status).toBe('waiting');
        await newestEvent('2025-11-09T00:01:00Z');
        expect(await run({ date: '2025-11-08' })).toMatchObject({ id, status: 'succeeded', attempts: 1 });
      });

      it('builds it all the same with force, from what there is', async () => {
        await newestEvent('2025-11-08T23:30:00Z');
        const { id } = await run({ date: '2025-11-08' });
        expect(await run({ date: '2025-11-08', force: true })).toMatchObject({
          id,
          status: 'succeeded',
          rows: 2,
        });
        expect((await stats('2025-11-08')).at(-1)).toBe('total_events_count all_regions 3');
        expect((await schedule()).staleDates).toEqual([]);
        await changed('2025-11-08');
        expect((await schedule()).staleDates).toEqual(['2025-11-08']);
      });

      it('builds it with force false only when it is over', async () => {
        await newestEvent('2025-11-08T23:30:00Z');
        expect((await run({ date: '2025-11-08', force: false })).status).toBe('waiting');
        expect((await run({ date: '2025-11-07', force: false })).status).toBe('succeeded');
      });
    });

    it('makes a run that waits already its own', async () => {
      const id = await seedRun('2025-11-08', {
        trigger: 'backfill',
        attempts: 1,
        error: 'of the first attempt',
        not_before: '2999-01-01T00:00:00Z',
      });
      expect(await run({ date: '2025-11-08' })).toMatchObject({
        id,
        trigger: 'manual',
        status: 'succeeded',
        attempts: 2,
        error: null,
      });
      expect((await runs()).items).toHaveLength(1);
    });

    describe('while somebody else builds the day', () => {
      /** What another replica does: a run that is running, under the lock of its day. @returns what ends it */
      const elsewhere = async (day: string): Promise<() => Promise<void>> => {
        const connection = database.dataSource.createQueryRunner();
        await connection.query(`SELECT pg_advisory_lock(${dayLock(day)})`);
        return async () => {
          await connection.query(`SELECT pg_advisory_unlock(${dayLock(day)})`);
          await connection.release();
        };
      };

      it('is a 409, also with force; other days are free', async () => {
        const id = await seedRun('2025-11-08', {
          status: 'running',
          attempts: 1,
          started_at: '2025-11-10T11:59:59Z',
        });
        const end = await elsewhere('2025-11-08');
        try {
          const before = await get(`/batch/runs/${id}`);
          expect(before).toMatchObject({ status: 'running', trigger: 'catch_up', finishedAt: null });
          for (const body of [{ date: '2025-11-08' }, { date: '2025-11-08', force: true }]) {
            const answer = await post('/batch/run', body);
            expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([
              409,
              'application/problem+json',
              {
                type: 'urn:telecom-pipeline:problem:batch_running',
                title: 'The day is being built',
                status: 409,
                detail: '2025-11-08 is being built; see GET /batch/runs?date=2025-11-08.',
                code: 'batch_running',
              },
            ]);
          }
          expect(await get(`/batch/runs/${id}`)).toEqual(before);
          expect((await run({ date: '2025-11-07' })).status).toBe('succeeded');
        } finally {
          await end();
        }
      });

      it('is a 409 also in the instant before the other one says that its run is running', async () => {
        await seedRun('2025-11-08', { trigger: 'scheduled' });
        const end = await elsewhere('2025-11-08');
        try {
          expect((await post('/batch/run', { date: '2025-11-08' })).status).toBe(409);
        } finally {
          await end();
        }
      });

      it('is no matter any more when that replica has died: the run goes on as one made by hand', async () => {
        const id = await seedRun('2025-11-08', {
          status: 'running',
          attempts: 1,
          started_at: '2025-11-10T11:59:59Z',
        });
        expect(await run({ date: '2025-11-08' })).toMatchObject({
          id,
          status: 'succeeded',
          trigger: 'manual',
          attempts: 2,
          error: null,
        });
      });
    });

    it('builds a day once for requests that come at the same time', async () => {
      await window('region_agg', 'Almaty', '2025-11-08T12:00Z', 3);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => post('/batch/run', { date: '2025-11-08' })),
      );
      expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
      expect(answers.some(({ status }) => status === 200)).toBe(true);
      expect((await stats('2025-11-08')).at(-1)).toBe('total_events_count all_regions 3');
      expect((await runs('status=waiting')).items).toEqual([]);
      expect((await runs('status=running')).items).toEqual([]);
    });

    it('answers with a run that has failed, leaves the old rows, and can be asked again', async () => {
      await window('region_agg', 'Almaty', '2025-06-15T12:00Z', 3);
      await sql('CREATE TABLE daily_stats_2025_06 (in_the_way integer)');
      const failed = await run({ date: '2025-06-15' });
      expect(failed).toMatchObject({
        status: 'failed',
        trigger: 'manual',
        attempts: 1,
        rows: null,
        error: expect.stringContaining('daily_stats_2025_06') as string,
        waitingFor: null,
        nextAttemptAt: null,
        finishedAt: expect.any(String) as string,
      });
      // Not for good: the batch would build the day by itself if it were not paused.
      expect((await schedule()).failedDates).toEqual([]);
      expect((await schedule()).missingDates).toContain('2025-06-15');
      await sql('DROP TABLE daily_stats_2025_06');
      const again = await run({ date: '2025-06-15' });
      expect(again).toMatchObject({ status: 'succeeded', attempts: 1, rows: 2, error: null });
      expect(again.id).not.toBe(failed.id);
      expect((await schedule()).failedDates).toEqual([]);
      await sql('ALTER TABLE daily_stats_2025_06 ADD CONSTRAINT full_up CHECK (metric_value < 4)');
      await sql('UPDATE real_time_metrics SET event_count = 4');
      expect((await run({ date: '2025-06-15' })).status).toBe('failed');
      expect((await stats('2025-06-15')).at(-1)).toBe('total_events_count all_regions 3');
    });
  });

  describe('GET /batch/runs', () => {
    const seed = async (): Promise<string[]> => [
      await seedRun('2025-11-05', {
        trigger: 'scheduled',
        status: 'succeeded',
        attempts: 2,
        rows: 21,
        created_at: '2025-11-06T00:05:00Z',
        started_at: '2025-11-06T00:10:00.031Z',
        finished_at: '2025-11-06T00:10:00.058Z',
      }),
      await seedRun('2025-11-06', {
        trigger: 'backfill',
        status: 'failed',
        attempts: 4,
        error: '=1+1 is no error',
        owner: 'app-1:17',
        created_at: '2025-11-07T00:05:00Z',
        started_at: '2025-11-07T00:40:00Z',
        finished_at: '2025-11-07T00:40:01Z',
      }),
      await seedRun('2025-11-07', { trigger: 'catch_up', created_at: '2025-11-08T00:05:00Z' }),
      await seedRun('2025-11-08', {
        trigger: 'stale',
        status: 'running',
        attempts: 1,
        created_at: '2025-11-09T00:05:00Z',
        started_at: '2025-11-09T00:05:00Z',
      }),
      await seedRun('2025-11-05', {
        trigger: 'manual',
        status: 'succeeded',
        attempts: 1,
        rows: 22,
        created_at: '2025-11-10T00:05:00Z',
      }),
    ];
    const ids = async (query = ''): Promise<string[]> => (await runs(query)).items.map(({ id }) => id);

    it('is empty before the first', async () => {
      expect(await runs()).toEqual({ items: [], nextCursor: null });
    });

    it('has all runs with all their fields, newest first', async () => {
      const [a, b, c, d, e] = await seed();
      const { items, nextCursor } = await get<BatchRunPage>('/batch/runs');
      expect(nextCursor).toBeNull();
      expect(items.map(({ id }) => id)).toEqual([e, d, c, b, a]);
      expect(items.slice(1)).toEqual([
        {
          id: d,
          date: '2025-11-08',
          status: 'running',
          trigger: 'stale',
          attempts: 1,
          rows: null,
          error: null,
          owner: null,
          waitingFor: null,
          nextAttemptAt: null,
          createdAt: '2025-11-09T00:05:00Z',
          startedAt: '2025-11-09T00:05:00Z',
          finishedAt: null,
        },
        {
          id: c,
          date: '2025-11-07',
          status: 'waiting',
          trigger: 'catch_up',
          attempts: 0,
          rows: null,
          error: null,
          owner: null,
          waitingFor: 'resume',
          nextAttemptAt: null,
          createdAt: '2025-11-08T00:05:00Z',
          startedAt: null,
          finishedAt: null,
        },
        {
          id: b,
          date: '2025-11-06',
          status: 'failed',
          trigger: 'backfill',
          attempts: 4,
          rows: null,
          error: '=1+1 is no error',
          owner: 'app-1:17',
          waitingFor: null,
          nextAttemptAt: null,
          createdAt: '2025-11-07T00:05:00Z',
          startedAt: '2025-11-07T00:40:00Z',
          finishedAt: '2025-11-07T00:40:01Z',
        },
        {
          id: a,
          date: '2025-11-05',
          status: 'succeeded',
          trigger: 'scheduled',
          attempts: 2,
          rows: 21,
          error: null,
          owner: null,
          waitingFor: null,
          nextAttemptAt: null,
          createdAt: '2025-11-06T00:05:00Z',
          startedAt: '2025-11-06T00:10:00.031Z',
          finishedAt: '2025-11-06T00:10:00.058Z',
        },
      ]);
    });

    it('can be picked by date and status', async () => {
      const [a, b, c, d, e] = await seed();
      expect(await ids('date=2025-11-05')).toEqual([e, a]);
      expect(await ids('date=2025-11-01')).toEqual([]);
      expect(await ids(`date=${TOMORROW}`)).toEqual([]);
      expect(await ids('status=succeeded')).toEqual([e, a]);
      expect(await ids('status=failed')).toEqual([b]);
      expect(await ids('status=waiting')).toEqual([c]);
      expect(await ids('status=running')).toEqual([d]);
      expect(await ids('date=2025-11-05&status=failed')).toEqual([]);
      expect(await ids('date=2025-11-06&status=failed')).toEqual([b]);
    });

    it.each(['', 'status=succeeded', 'date=2025-11-05'])(
      'comes page by page without gap or repetition: %s',
      async (filter) => {
        await seed();
        const all = await ids(filter);
        for (const limit of [1, 2, 4, 5, 1000]) {
          const seen: string[] = [];
          let cursor = '';
          do {
            const page = await runs(`${filter}&limit=${limit}${cursor && `&cursor=${cursor}`}`);
            expect(page.items).toHaveLength(Math.min(limit, all.length - seen.length));
            seen.push(...page.items.map(({ id }) => id));
            cursor = page.nextCursor ?? '';
          } while (cursor !== '');
          expect(seen).toEqual(all);
        }
      },
    );

    it('goes on where it was when runs have come meanwhile', async () => {
      const [a, b, c] = await seed();
      const { nextCursor } = await runs('limit=2');
      await seedRun('2025-11-09');
      expect(await ids(`cursor=${nextCursor!}`)).toEqual([c, b, a]);
    });

    it('comes as CSV, without a formula that a spreadsheet would run', async () => {
      const [a, b] = await seed();
      const csv = await http.get('/batch/runs?format=csv');
      expect([csv.status, csv.headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8']);
      const lines = csv.text.split('\n');
      expect(lines[0]).toBe(
        'id,date,status,trigger,attempts,rows,error,owner,waitingFor,nextAttemptAt,createdAt,startedAt,finishedAt',
      );
      expect(lines.slice(4)).toEqual([
        `${b!},2025-11-06,failed,backfill,4,,'=1+1 is no error,app-1:17,,,2025-11-07T00:05:00Z,2025-11-07T00:40:00Z,2025-11-07T00:40:01Z`,
        `${a!},2025-11-05,succeeded,scheduled,2,21,,,,,2025-11-06T00:05:00Z,2025-11-06T00:10:00.031Z,2025-11-06T00:10:00.058Z`,
        '',
      ]);
      expect((await http.get('/batch/runs', { accept: 'text/csv' })).text).toBe(csv.text);
      const first = await http.get('/batch/runs?limit=3&format=csv');
      expect(await ids(`cursor=${String(first.headers['x-next-cursor'])}`)).toEqual([b, a]);
    });

    it.each<[string, string]>([
      ...NO_DAYS.map((text): [string, string] => [`date=${text}`, 'date']),
      ['date=2025-11-08&date=2025-11-08', 'date'],
      ['status=done', 'status'],
      ['status=', 'status'],
      ['limit=0', 'limit'],
      ['limit=1001', 'limit'],
      ['cursor=abc', 'cursor'],
      ['cursor=', 'cursor'],
      ['format=xml', 'format'],
      ['trigger=manual', 'trigger'],
      ['from=2025-11-08', 'from'],
    ])('?%s is a mistake', async (query, field) => {
      expectMistakes(await http.get(`/batch/runs?${query}`), field);
    });

    describe('/{id}', () => {
      it('is one run', async () => {
        const [a] = await seed();
        expect(await get(`/batch/runs/${a!}`)).toEqual((await runs()).items.at(-1));
      });

      it.each(['999999999999999999', '1'])('is a 404 when there is none: %s', async (id) => {
        await sql(`DELETE FROM batch_runs`);
        const answer = await http.get(`/batch/runs/${id}`);
        expect([answer.status, answer.body]).toEqual([
          404,
          expect.objectContaining({ code: 'not_found', detail: `There is no run ${id}.` }),
        ]);
      });

      it.each(['abc', '0', '-1', '01', '1.5', '1e3', '%20', '9999999999999999999', '2025-11-08'])(
        'is a mistake when it is no id: %s',
        async (id) => {
          expectMistakes(await http.get(`/batch/runs/${id}`), 'id');
        },
      );

      it('takes no parameters', async () => {
        const [a] = await seed();
        expectMistakes(await http.get(`/batch/runs/${a!}?format=csv`), 'format');
      });
    });
  });

  describe('POST /batch/backfill', () => {
    interface Backfill {
      dates: string[];
      runs: BatchRun[];
    }
    const backfill = async (body: object): Promise<Backfill> => {
      const answer = await post('/batch/backfill', body);
      expect([answer.status, answer.text]).toEqual([202, expect.any(String)]);
      return answer.body;
    };
    const WEEK = { from: '2025-11-05', to: '2025-11-10' };

    /** 05 is built, 06 has failed, 07 was built but has failed since, 08 had failed before it was built, 09 is new. */
    const seed = async (): Promise<void> => {
      for (const day of ['2025-11-05', '2025-11-07', '2025-11-08'])
        await sql(`INSERT INTO stat_days (stat_date, built_version, built_at) VALUES ($1, 1, now())`, [day]);
      await sql(`INSERT INTO stat_days (stat_date) VALUES ('2025-11-06')`);
      await seedRun('2025-11-05', { status: 'succeeded' });
      await seedRun('2025-11-06', { status: 'failed' });
      await seedRun('2025-11-07', { status: 'succeeded' });
      await seedRun('2025-11-07', { status: 'failed' });
      await seedRun('2025-11-08', { status: 'failed' });
      await seedRun('2025-11-08', { status: 'succeeded' });
    };

    it.each([
      ['missing', ['2025-11-06', '2025-11-09']],
      ['failed', ['2025-11-06', '2025-11-07']],
      ['all', ['2025-11-05', '2025-11-06', '2025-11-07', '2025-11-08', '2025-11-09']],
    ])('selects by mode: %s', async (mode, dates) => {
      await seed();
      const before = await runs();
      expect(await backfill({ ...WEEK, mode, dryRun: true })).toEqual({ dates, runs: [] });
      expect(await runs()).toEqual(before);
      const done = await backfill({ ...WEEK, mode });
      expect(done.dates).toEqual(dates);
      expect(done.runs.map(({ date }) => date)).toEqual(dates);
      expect((await runs('status=waiting')).items.reverse()).toEqual(done.runs);
    });

    it('selects the missing days unless told otherwise', async () => {
      await seed();
      expect((await backfill({ ...WEEK, dryRun: true })).dates).toEqual(['2025-11-06', '2025-11-09']);
    });

    it('opens a run for each of the days, which wait for their turn', async () => {
      const { runs: opened } = await backfill({ from: '2025-11-08', to: '2025-11-10' });
      expect(opened.map((any) => batchRun.parse(any))).toMatchObject(
        ['2025-11-08', '2025-11-09'].map((date) => ({
          date,
          status: 'waiting',
          trigger: 'backfill',
          attempts: 0,
          rows: null,
          error: null,
          waitingFor: 'resume',
          startedAt: null,
          finishedAt: null,
        })),
      );
      for (const any of opened) expect(await get(`/batch/runs/${any.id}`)).toEqual(any);
    });

    it('leaves the open runs that there are, also its own', async () => {
      const waiting = await seedRun('2025-11-07', { attempts: 1, error: 'the first time' });
      const running = await seedRun('2025-11-08', { status: 'running', attempts: 1 });
      const first = await backfill({ ...WEEK, mode: 'all' });
      expect(first.runs).toHaveLength(5);
      expect(first.runs.slice(2, 4)).toMatchObject([
        { id: waiting, trigger: 'catch_up', status: 'waiting', attempts: 1, error: 'the first time' },
        { id: running, trigger: 'catch_up', status: 'running', attempts: 1 },
      ]);
      expect(await backfill({ ...WEEK, mode: 'all' })).toEqual(first);
      expect((await runs()).items).toHaveLength(5);
    });

    it('is nothing where the mode selects nothing', async () => {
      expect(await backfill({ ...WEEK, mode: 'failed' })).toEqual({ dates: [], runs: [] });
    });

    it('takes a range without its end, up to and without today', async () => {
      const days = async (from: string, to: string): Promise<string[]> =>
        (await backfill({ from, to, mode: 'all', dryRun: true })).dates;
      expect(await days(YESTERDAY, TODAY)).toEqual([YESTERDAY]);
      expect(await days('2024-02-28', '2024-03-01')).toEqual(['2024-02-28', '2024-02-29']);
      expect(await days('2024-12-31', '2025-01-02')).toEqual(['2024-12-31', '2025-01-01']);
      expectMistakes(await post('/batch/backfill', { from: YESTERDAY, to: TOMORROW }), 'to');
      expectMistakes(await post('/batch/backfill', { from: TODAY, to: TOMORROW, dryRun: true }), 'from');
    });

    it('takes 366 days, and no more', async () => {
      const all = await backfill({ from: '2024-01-01', to: '2025-01-01', mode: 'all' });
      expect([all.dates.length, all.runs.length]).toEqual([366, 366]);
      expect(all.runs.map(({ date }) => date)).toEqual(all.dates);
      expect([all.dates[0], all.dates[59], all.dates[365]]).toEqual([
        '2024-01-01',
        '2024-02-29',
        '2024-12-31',
      ]);
      expectMistakes(await post('/batch/backfill', { from: '2024-01-01', to: '2025-01-02' }), 'to');
      expectMistakes(await post('/batch/backfill', { from: '0001-01-01', to: TODAY, dryRun: true }), 'to');
    });

    it.each<[unknown, ...string[]]>([
      [{}, 'from', 'to'],
      [{ from: '2025-11-05' }, 'to'],
      [{ to: '2025-11-05' }, 'from'],
      [{ mode: 'all' }, 'from', 'to'],
      [{ from: '2025-11-05', to: '2025-11-05' }, 'to'],
      [{ from: '2025-11-06', to: '2025-11-05' }, 'to'],
      [{ from: null, to: 5 }, 'from', 'to'],
      [{ ...WEEK, mode: 'stale' }, 'mode'],
      [{ ...WEEK, mode: null }, 'mode'],
      [{ ...WEEK, dryRun: 'true' }, 'dryRun'],
      [{ ...WEEK, dryrun: true }, 'dryrun'],
      [{ ...WEEK, date: '2025-11-05' }, 'date'],
      [[], 'body'],
      ['2025-11-08', 'body'],
      [null, 'body'],
      [undefined, 'body'],
    ])('refuses the body %j', async (body, ...fields) => {
      expectMistakes(await post('/batch/backfill', body), ...fields);
      expect((await runs()).items).toEqual([]);
    });

    it.each(NO_DAYS)('refuses what is no day: %j', async (text) => {
      expectMistakes(await post('/batch/backfill', { from: text, to: '2025-11-09' }), 'from');
      expectMistakes(await post('/batch/backfill', { from: '2025-11-05', to: text }), 'to');
    });

    it('takes nothing from the query', async () => {
      expectMistakes(await post('/batch/backfill?dryRun=true', WEEK), 'dryRun');
      expect((await runs()).items).toEqual([]);
    });
  });

  describe('GET /batch/schedule', () => {
    it('says how it stands before there is anything', async () => {
      expect(await schedule()).toEqual({
        cron: '5 0 * * *',
        paused: true,
        nextRunAt: null,
        missingDates: [],
        staleDates: [],
        failedDates: [],
        waitingRuns: 0,
        runningRuns: 0,
        lastSuccessAt: null,
      });
    });

    it('says which days are missing, from the first with data, and which are stale or have failed', async () => {
      await window('region_agg', 'Almaty', '2025-11-05T12:00Z', 3);
      await window('region_agg', 'Almaty', '2025-11-10T11:00Z', 3);
      expect((await schedule()).missingDates).toEqual([
        '2025-11-05',
        '2025-11-06',
        '2025-11-07',
        '2025-11-08',
        '2025-11-09',
      ]);
      await run({ date: '2025-11-05' });
      const last = await run({ date: '2025-11-07' });
      await changed('2025-11-07');
      await seedRun('2025-11-06', { status: 'failed' });
      await seedRun('2025-11-07', { status: 'failed' });
      await seedRun('2025-11-08', { status: 'running' });
      await seedRun('2025-11-09');
      const state = await schedule();
      expect(state).toMatchObject({
        missingDates: ['2025-11-06', '2025-11-08', '2025-11-09'],
        staleDates: ['2025-11-07'],
        failedDates: ['2025-11-06', '2025-11-07'],
        waitingRuns: 1,
        runningRuns: 1,
      });
      const lastSuccessAt = Date.parse(state.lastSuccessAt!);
      expect(lastSuccessAt).toBeGreaterThanOrEqual(Date.parse(last.createdAt));
      expect(lastSuccessAt).toBeLessThanOrEqual(Date.parse(last.finishedAt!));
    });

    it('takes no parameters', async () => {
      expectMistakes(await http.get('/batch/schedule?date=2025-11-08'), 'date');
    });
  });
});

describe('pausing and resuming the batch', () => {
  /** Rounds come every quarter second. */
  const QUICK = { STALE_REBUILD_DELAY: '1s' };

  afterEach(stop);

  it('tells how it stands, and stays as it is in other replicas and after a restart', async () => {
    await start(QUICK, { paused: false });
    expect(await schedule()).toMatchObject({ paused: false, nextRunAt: '2025-11-11T00:05:00Z' });
    const paused = await post('/batch/pause');
    expect([paused.status, paused.body]).toEqual([
      200,
      {
        cron: '5 0 * * *',
        paused: true,
        nextRunAt: null,
        missingDates: [],
        staleDates: [],
        failedDates: [],
        waitingRuns: 0,
        runningRuns: 0,
        lastSuccessAt: null,
      },
    ]);
    expect(await schedule()).toEqual(paused.body);
    expect((await post('/batch/pause')).body).toEqual(paused.body);

    const other = await createHttpApp({ url: database.url, now: NOW, env: QUICK });
    try {
      expect((await other.get('/batch/schedule')).body).toEqual(paused.body);
      const resumed = await other.post('/batch/resume');
      expect([resumed.status, resumed.body]).toEqual([
        200,
        { ...(paused.body as object), paused: false, nextRunAt: '2025-11-11T00:05:00Z' },
      ]);
      expect((await other.post('/batch/resume')).body).toEqual(resumed.body);
      expect(await schedule()).toEqual(resumed.body);
    } finally {
      await other.close();
    }
  });

  it('keeps everything from being planned or taken up, and then catches up with it', async () => {
    await start(QUICK);
    await window('region_agg', 'Almaty', '2025-11-07T12:00Z', 3);
    await window('region_agg', 'Almaty', '2025-11-09T12:00Z', 5);
    await post('/batch/backfill', { from: '2025-11-01', to: '2025-11-02' });
    // By its missing day the service shows that a whole round has passed since.
    await seedRun('2025-11-07', { trigger: 'manual', status: 'failed', error: 'once' });
    await waitFor('a round', async () => {
      const { details } = await get<{ details: { dailyStats: object } }>('/health/ready');
      return (
        'missingDates' in details.dailyStats && String(details.dailyStats.missingDates).includes('2025-11-07')
      );
    });
    expect((await runs()).items).toMatchObject([
      { date: '2025-11-07', status: 'failed' },
      { date: '2025-11-01', status: 'waiting', trigger: 'backfill', attempts: 0, waitingFor: 'resume' },
    ]);
    expect(await schedule()).toMatchObject({
      missingDates: ['2025-11-07', '2025-11-08', '2025-11-09'],
      waitingRuns: 1,
    });

    await post('/batch/resume');
    await waitFor('the days', async () => (await runs('status=succeeded')).items.length === 4);
    expect(
      (await runs('status=succeeded')).items.map(({ date, trigger, rows }) => [date, trigger, rows]),
    ).toEqual([
      ['2025-11-09', 'catch_up', 2],
      ['2025-11-08', 'catch_up', 0],
      ['2025-11-07', 'catch_up', 2],
      ['2025-11-01', 'backfill', 0],
    ]);
    expect(await schedule()).toMatchObject({
      missingDates: [],
      failedDates: [],
      waitingRuns: 0,
      runningRuns: 0,
    });
    expect((await stats('2025-11-09')).at(-1)).toBe('total_events_count all_regions 5');
  });

  it('is no part of a backfill, which is done in the background, the oldest day first', async () => {
    await start(QUICK, { paused: false });
    const { body }: { body: { runs: BatchRun[] } } = await post('/batch/backfill', {
      from: '2025-10-29',
      to: '2025-11-03',
    });
    expect(body.runs.map(({ date }) => date)).toEqual([
      '2025-10-29',
      '2025-10-30',
      '2025-10-31',
      '2025-11-01',
      '2025-11-02',
    ]);
    await waitFor('the days', async () => (await runs('status=succeeded')).items.length === 5);
    const done = await Promise.all(body.runs.map(({ id }) => get<BatchRun>(`/batch/runs/${id}`)));
    expect(done).toMatchObject(body.runs.map(({ id }) => ({ id, attempts: 1, rows: 0 })));
    const began = done.map(({ startedAt }) => Date.parse(startedAt!));
    expect(began).toEqual([...began].sort((a, b) => a - b));
    expect((await runs()).items).toHaveLength(5);
  });

  //   watermark 2025-11-08T12:00 ──── event of 11-09T00:01 ───► 11-08 is over
  it('has runs wait for the watermark, their next attempt or their turn, and says for which', async () => {
    await start(QUICK, { paused: false });
    await newestEvent('2025-11-08T12:01:00Z');
    const byHand = await run({ date: '2025-11-08' });
    expect(byHand).toMatchObject({ status: 'waiting', waitingFor: 'watermark', nextAttemptAt: null });
    await seedRun('2025-11-06', { attempts: 1, error: 'once', not_before: '2999-01-01T00:00:00Z' });
    await seedRun('2025-11-05', { not_before: '2999-01-01T00:00:00Z' });
    expect((await runs()).items).toMatchObject([
      { date: '2025-11-05', waitingFor: 'turn', nextAttemptAt: null },
      { date: '2025-11-06', waitingFor: 'retry', nextAttemptAt: '2999-01-01T00:00:00Z', error: 'once' },
      { id: byHand.id, waitingFor: 'watermark' },
    ]);
    // Some seconds go by in which the run is left to its request.
    await sql(`UPDATE batch_runs SET not_before = now() WHERE id = $1`, [byHand.id]);
    await newestEvent('2025-11-09T00:01:00Z');
    await waitFor('the day', async () => (await runs('date=2025-11-08&status=succeeded')).items.length === 1);
    expect(await get(`/batch/runs/${byHand.id}`)).toMatchObject({
      trigger: 'manual',
      attempts: 1,
      waitingFor: null,
    });
  });

  it.each(['pause', 'resume'])('takes no fields: %s', async (action) => {
    await start(QUICK, { paused: action === 'resume' });
    const before = await schedule();
    expectMistakes(await post(`/batch/${action}`, { until: '2025-11-11' }), 'until');
    expectMistakes(await post(`/batch/${action}?date=2025-11-08`), 'date');
    const asked = await http.get(`/batch/${action}`);
    expect([asked.status, asked.headers.allow]).toEqual([405, 'POST']);
    expect(await schedule()).toEqual(before);
  });
});

describe('the batch with a schedule of its own that keeps two months', () => {
  beforeAll(
    () => start({ DAILY_BATCH_CRON: '30 4 * * 1', DAILY_STATS_RETENTION_MONTHS: '2' }, { paused: false }),
    30_000,
  );
  afterAll(stop);

  //   Mon 10 12:00, now ──────────── Mon 17 04:30
  it('shows the schedule, and when it fires next', async () => {
    expect(await schedule()).toMatchObject({ cron: '30 4 * * 1', nextRunAt: '2025-11-17T04:30:00Z' });
  });

  it('owes nothing before there is data', async () => {
    expect(await schedule()).toMatchObject({ missingDates: [], failedDates: [], waitingRuns: 0 });
  });

  it('builds by hand what is kept, and nothing older', async () => {
    expect((await run({ date: '2025-09-01' })).status).toBe('succeeded');
    expectMistakes(await post('/batch/run', { date: '2025-08-31' }), 'date');
    expectMistakes(await post('/batch/run?date=2024-02-29'), 'date');
    expectMistakes(await post('/batch/backfill', { from: '2025-08-31', to: '2025-09-02' }), 'from');
    expect((await runs()).items).toHaveLength(1);
    expect((await post('/batch/backfill', { from: '2025-09-01', to: TODAY, dryRun: true })).status).toBe(202);
  });
});
