import { pipelineStatus } from '../../../src/operations/pipeline.schemas.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { waitFor } from '../../support/service.js';
import { createHttpApp, type Answer, type HttpApp } from '../../support/http-app.js';

describe('operations', () => {
  let database: TestDatabase;
  let http: HttpApp;

  const partition = async (columns: Record<string, unknown>): Promise<void> => {
    const row = { topic: 'telecom_events', next_offset: 0, ...columns };
    const names = Object.keys(row);
    await database.dataSource.query(
      `INSERT INTO ingest_partitions (${names.join()}) VALUES (${names.map((_, index) => `$${index + 1}`).join()})`,
      Object.values(row),
    );
  };
  const ago = (seconds: number): Date => new Date(Date.now() - seconds * 1000);
  const pipeline = async () => {
    const answer = await http.get('/pipeline');
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    return pipelineStatus.parse(answer.body);
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    // The batch only looks at what it owes, every quarter second, and does nothing about it.
    await database.dataSource.query('UPDATE batch_control SET paused_at = now()');
    http = await createHttpApp({
      url: database.url,
      now: '2025-11-10T12:00:00Z',
      env: { IDLE_TIMEOUT: '60s', WATERMARK_DELAY: '1m', STALE_REBUILD_DELAY: '1s' },
    });
  }, 30_000);
  beforeEach(async () => {
    await database.dataSource.query('TRUNCATE ingest_partitions, real_time_metrics');
    await database.dataSource.query('DELETE FROM batch_runs');
    await database.dataSource.query('DELETE FROM stat_days');
    http.source.state = { connected: true };
  });
  afterAll(async () => {
    await http.close();
    await database.drop();
  });

  describe('GET /pipeline', () => {
    it('shows each partition: owner, position, lag, ledger', async () => {
      await partition({
        partition: 0,
        owner: 'app-1',
        next_offset: '9007199254740993',
        high_watermark: '9007199254741000',
        newest_event_time: '2025-11-08T22:31:00.123456Z',
        consumed: 100,
        counted: 80,
        late_counted: 10,
        anomalies: 6,
        duplicates: 3,
        skipped: 1,
        seen_at: ago(1),
        events_per_second: 12.5,
        last_flush_at: '2025-11-08T22:31:01Z',
        last_flush_ms: 4.25,
        claimed_at: ago(100),
      });
      expect(await pipeline()).toEqual({
        transport: 'embedded',
        watermark: '2025-11-08T22:30:00.123Z',
        eventsPerSecond: 12.5,
        openWindows: 0,
        partitions: [
          {
            topic: 'telecom_events',
            partition: 0,
            owner: 'app-1',
            status: 'active',
            position: '9007199254740993',
            highWatermark: '9007199254741000',
            lag: 7,
            eventTimeWatermark: '2025-11-08T22:30:00.123Z',
            ledger: {
              consumed: 100,
              counted: 80,
              lateCounted: 10,
              anomalies: 6,
              duplicates: 3,
              skipped: 1,
            },
            balanced: true,
            eventsPerSecond: 12.5,
            replays: { applied: 0, rejected: 0, discarded: 0 },
            recentEvents: null,
            halted: null,
          },
        ],
        heldBy: { partition: 0, reason: 'slowest_partition', since: '2025-11-08T22:31:01Z' },
        lastFlushAt: '2025-11-08T22:31:01Z',
        lastFlushMs: 4.3,
      });
    });

    it('takes the slowest partition that is not idle for the watermark', async () => {
      const newest_event_time = '2025-11-08T22:31:00Z';
      await partition({ partition: 0, newest_event_time: '2025-11-08T22:41:00Z', seen_at: ago(1) });
      await partition({
        partition: 1,
        newest_event_time,
        seen_at: ago(1),
        caught_up_since: ago(100),
      });
      await partition({
        partition: 2,
        newest_event_time: '2025-11-08T22:36:00Z',
        seen_at: ago(1),
        caught_up_since: ago(30),
      });
      const state = await pipeline();
      expect(state.partitions.map(({ status }) => status)).toEqual(['active', 'idle', 'active']);
      expect([state.watermark, state.heldBy?.partition]).toEqual(['2025-11-08T22:35:00Z', 2]);
    });

    it('shows what waits for an operator, and that it holds the watermark back', async () => {
      await partition({
        partition: 3,
        halted_at: '2025-11-08T22:31:00Z',
        halted_reason: 'offset_out_of_range',
        halted_detail: '100 records are gone',
        newest_event_time: '2025-11-08T20:00:00Z',
        caught_up_since: ago(100),
        seen_at: ago(1),
      });
      const state = await pipeline();
      expect(state.partitions[0]).toMatchObject({
        status: 'halted',
        halted: {
          reason: 'offset_out_of_range',
          detail: '100 records are gone',
          since: '2025-11-08T22:31:00Z',
        },
        highWatermark: null,
        lag: null,
      });
      expect(state.heldBy).toEqual({ partition: 3, reason: 'halted', since: '2025-11-08T22:31:00Z' });
    });

    it('counts the windows that end after the watermark', async () => {
      await database.dataSource.query(
        `INSERT INTO real_time_metrics (window_start, window_end, metric_type, metric_key, metric_value, event_count)
         SELECT start, start + interval '5 min', 'event_type_agg', 'sms', 1, 1
           FROM generate_series('2025-11-08T22:00Z'::timestamptz, '2025-11-08T22:55Z', '5 min') AS start`,
      );
      await partition({ partition: 0, newest_event_time: '2025-11-08T22:41:00Z', seen_at: ago(1) });
      expect((await pipeline()).openWindows).toBe(4);
      await database.dataSource.query('UPDATE ingest_partitions SET newest_event_time = NULL');
      expect(await pipeline()).toMatchObject({
        watermark: null,
        openWindows: 12,
        heldBy: { reason: 'no_events_yet' },
      });
    });

    it('tells of a ledger that does not add up', async () => {
      await partition({ partition: 0, consumed: 10, counted: 9 });
      expect((await pipeline()).partitions[0]?.balanced).toBe(false);
    });

    it('adds up the rates of replicas seen in the last 10 s, and takes the newest flush of all', async () => {
      await partition({
        partition: 0,
        events_per_second: 5,
        seen_at: ago(2),
        last_flush_at: ago(5),
        last_flush_ms: 1,
      });
      await partition({
        partition: 1,
        events_per_second: 7,
        seen_at: ago(2),
        last_flush_at: ago(1),
        last_flush_ms: 2,
      });
      await partition({
        partition: 2,
        events_per_second: 90,
        seen_at: ago(20),
        last_flush_at: ago(20),
        last_flush_ms: 3,
      });
      expect(await pipeline()).toMatchObject({ eventsPerSecond: 12, lastFlushMs: 2 });
    });

    it('is there before the first partition is', async () => {
      const state = await pipeline();
      expect(state).toMatchObject({ partitions: [], heldBy: null, lastFlushAt: null, lastFlushMs: null });
      expect(Date.parse(state.watermark!)).toBeLessThanOrEqual(Date.now() - 60_000);
    });
  });

  /** Windows since 20 October, of which one day is built, one has failed, and one has changed after it was built. */
  const owe = async (): Promise<void> => {
    await database.dataSource.query(
      `INSERT INTO real_time_metrics (window_start, window_end, metric_type, metric_key, metric_value, event_count)
       SELECT start, start + interval '10 min', 'region_agg', 'Almaty', 1, 1
         FROM unnest(ARRAY['2025-10-20T12:00Z', '2025-11-09T12:00Z']::timestamptz[]) AS start`,
    );
    await database.dataSource.query(
      `INSERT INTO batch_runs (stat_date, trigger, status) VALUES
         ('2025-11-07', 'catch_up', 'failed'), ('2025-11-08', 'backfill', 'waiting'), ('2025-11-09', 'manual', 'waiting')`,
    );
    // Last: only now the number of missing days is the one that the tests wait for.
    await database.dataSource.query(
      `INSERT INTO stat_days (stat_date, version, built_version, built_at, stale_since)
       VALUES ('2025-10-20', 3, 3, '2025-10-21T00:05:00Z', NULL), ('2025-11-01', 5, 4, '2025-11-02T00:05:01.5Z', now())`,
    );
  };

  describe('GET /health', () => {
    /** The answer once the service has looked at the daily stats as they are now. */
    const readyWhen = (dailyStats: object): Promise<Answer> =>
      waitFor('a look at the daily stats', async () => {
        const answer = await http.get('/health/ready');
        const { details }: { details: { dailyStats: object } } = answer.body;
        const looked = { ...details.dailyStats, ...dailyStats };
        return JSON.stringify(looked) === JSON.stringify(details.dailyStats) ? answer : null;
      });

    it('is alive', async () => {
      expect((await http.get('/health/live')).body).toEqual({ status: 'ok' });
    });

    it('is ready while database and log can be reached', async () => {
      const answer = await readyWhen({ status: 'ok' });
      expect([answer.status, answer.body]).toEqual([
        200,
        {
          status: 'ok',
          checks: { database: { status: 'up' }, transport: { status: 'up' } },
          details: { dailyStats: { status: 'ok', missingDays: 0, missingDates: [], failedDates: [] } },
        },
      ]);
    });

    it('is ready also while daily stats are missing or have failed, and names the newest ten', async () => {
      await owe();
      const answer = await readyWhen({ status: 'behind', missingDays: 19 });
      const details = {
        dailyStats: {
          status: 'behind',
          missingDays: 19,
          missingDates: [
            '10-30',
            '10-31',
            '11-02',
            '11-03',
            '11-04',
            '11-05',
            '11-06',
            '11-07',
            '11-08',
            '11-09',
          ].map((day) => `2025-${day}`),
          failedDates: ['2025-11-07'],
        },
      };
      expect([answer.status, answer.body]).toEqual([
        200,
        { status: 'ok', checks: { database: { status: 'up' }, transport: { status: 'up' } }, details },
      ]);
      http.source.state = { connected: false, detail: 'no broker answers' };
      const unready = await http.get('/health/ready');
      expect([unready.status, unready.body]).toEqual([
        503,
        expect.objectContaining({ code: 'not_ready', details }),
      ]);
    });

    it('is not ready without the log, and says why', async () => {
      http.source.state = { connected: false, detail: 'no broker answers' };
      const answer = await http.get('/health/ready');
      expect([answer.status, answer.body]).toEqual([
        503,
        expect.objectContaining({
          code: 'not_ready',
          detail: 'transport: no broker answers.',
          errors: [{ field: 'transport', message: 'no broker answers' }],
          checks: { database: { status: 'up' }, transport: { status: 'down', detail: 'no broker answers' } },
        }),
      ]);
      expect((await http.get('/health/live')).status).toBe(200);
    });
  });

  describe('GET /prometheus', () => {
    const scrape = async (): Promise<Answer> => {
      const answer = await http.get('/prometheus');
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
      return answer;
    };

    it('gives ledger, lag and watermark of each partition, and metrics of the process', async () => {
      await partition({
        partition: 1,
        next_offset: 40,
        high_watermark: 42,
        newest_event_time: '2025-11-08T22:31:00Z',
        consumed: 40,
        counted: 30,
        late_counted: 4,
        anomalies: 3,
        duplicates: 1,
        skipped: 1,
        seen_at: ago(1),
        last_flush_ms: 3.5,
        last_flush_at: '2025-11-08T22:31:00Z',
      });
      const { text } = await scrape();
      const at = `topic="telecom_events",partition="1"`;
      for (const line of [
        `telecom_up{component="database"} 1`,
        `telecom_up{component="transport"} 1`,
        `telecom_events_total{${at},outcome="consumed"} 40`,
        `telecom_events_total{${at},outcome="counted"} 30`,
        `telecom_events_total{${at},outcome="late_counted"} 4`,
        `telecom_events_total{${at},outcome="anomaly"} 3`,
        `telecom_events_total{${at},outcome="duplicate"} 1`,
        `telecom_events_total{${at},outcome="skipped"} 1`,
        `telecom_ledger_imbalance{${at}} 1`,
        `telecom_lag_records{${at}} 2`,
        `telecom_position_offset{${at}} 40`,
        `telecom_partition_halted{${at}} 0`,
        `telecom_event_time_watermark_seconds{${at}} 1762641000`,
        `telecom_watermark_seconds 1762641000`,
        `telecom_last_flush_milliseconds 3.5`,
        `telecom_records_taken_total 0`,
        `telecom_fenced_flushes_total 0`,
        `telecom_event_ids_forgotten_early_total 0`,
        `# TYPE telecom_events_total counter`,
      ]) {
        expect(text.split('\n')).toContain(line);
      }
      expect(text).toContain('process_cpu_seconds_total');
      await database.dataSource.query('TRUNCATE ingest_partitions');
      expect((await scrape()).text).not.toContain('telecom_lag_records{');
    });

    /** Lines of the batch, without those that explain them. */
    const batchLines = async (): Promise<string[]> =>
      (await scrape()).text.split('\n').filter((line) => line.startsWith('telecom_batch_'));

    it('gives what the batch owes', async () => {
      await owe();
      expect(await batchLines()).toEqual([
        'telecom_batch_missing_days 19',
        'telecom_batch_failed_days 1',
        'telecom_batch_stale_days 1',
        'telecom_batch_paused 1',
        'telecom_batch_open_runs{status="waiting"} 2',
        'telecom_batch_open_runs{status="running"} 0',
        'telecom_batch_last_success_timestamp_seconds 1762041901.5',
      ]);
    });

    it('gives zeros while the batch owes nothing, and no last success before the first', async () => {
      expect(await batchLines()).toEqual([
        'telecom_batch_missing_days 0',
        'telecom_batch_failed_days 0',
        'telecom_batch_stale_days 0',
        'telecom_batch_paused 1',
        'telecom_batch_open_runs{status="waiting"} 0',
        'telecom_batch_open_runs{status="running"} 0',
      ]);
    });
  });
});

describe('operations without a database', () => {
  let http: HttpApp;

  beforeAll(async () => {
    http = await createHttpApp({ url: 'postgresql://postgres@127.0.0.1:1/none', waitForDatabase: false });
  }, 30_000);
  afterAll(() => http.close());

  it('GET /health/ready says so, and GET /health/live is well', async () => {
    const answer = await http.get('/health/ready');
    expect([answer.status, answer.body]).toEqual([
      503,
      expect.objectContaining({
        errors: [expect.objectContaining({ field: 'database' })],
        details: { dailyStats: { status: 'unknown', missingDays: 0, missingDates: [], failedDates: [] } },
      }),
    ]);
    expect(answer.text).not.toContain('127.0.0.1');
    expect((await http.get('/health/live')).status).toBe(200);
  });

  it('GET /prometheus says so, and gives the rest', async () => {
    const { status, text } = await http.get('/prometheus');
    expect(status).toBe(200);
    expect(text).toContain('telecom_up{component="database"} 0');
    expect(text).toContain('telecom_up{component="transport"} 1');
    expect(text).not.toContain('telecom_batch_');
    expect(text).toContain('process_cpu_seconds_total');
  });
});

describe('operations with a database that hangs', () => {
  it('answer within the patience of a probe', async () => {
    const database = await createTestDatabase();
    const http = await createHttpApp({ url: database.url, env: { POSTGRES_POOL_SIZE: '4' } });
    const { DataSource } = await import('typeorm');
    const pool = http.app.get(DataSource);
    const busy = [1, 2, 3, 4].map(() => pool.query('SELECT pg_sleep(5)'));
    try {
      const begun = Date.now();
      const answers = await Promise.all([
        http.get('/health/ready'),
        http.get('/health/ready'),
        http.get('/prometheus'),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
      expect(answers[2].text).toContain('telecom_up{component="database"} 0');
      expect(Date.now() - begun).toBeLessThan(4_000);
      await Promise.all(busy);
      expect((await http.get('/health/ready')).status).toBe(200);
    } finally {
      await http.close();
      await database.drop();
    }
  }, 40_000);
});
