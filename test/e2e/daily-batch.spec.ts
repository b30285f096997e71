import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expectedDailyStats, sampleRecords } from '../support/sample.js';
import { addEvents, statsOf, type Run } from '../support/batch.js';
import { createTestTopic, hasKafka } from '../support/kafka.js';
import { KILLS } from '../support/long.js';
import { waitFor, type Service } from '../support/service.js';
import { postLines, servicesPerTest } from '../support/services.js';

const DAYS = ['2025-11-08', '2025-11-09'];
const records = sampleRecords();

/** An idle partition does not hold the days up for long. */
const env = { IDLE_TIMEOUT: '1s' };

interface Stats {
  items: { statDate: string; metricType: string; metricKey: string; metricValue: number }[];
}

describe("the sample's days", () => {
  const { database, start, allConsumed } = servicesPerTest(env);
  const pause = (): Promise<unknown> =>
    database.dataSource.query('UPDATE batch_control SET paused_at = now()');
  const idle = (service: Service): Promise<unknown> =>
    waitFor('the log to be idle', async () => {
      const { partitions } = await service.get<{ partitions: { status: string }[] }>('/pipeline');
      return partitions.every(({ status }) => status === 'idle');
    });
  /** The service with the whole sample counted, and the batch paused so that nothing but the test builds days. */
  async function loaded(): Promise<Service> {
    await pause();
    const service = await start();
    await postLines(service, records);
    await allConsumed(records.length);
    await idle(service);
    return service;
  }
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { batch: string } };
  const [, ...program] = scripts.batch.split(' ');
  /** Runs the command line. */
  const run = async (
    more: Record<string, string>,
    ...args: string[]
  ): Promise<{ code: number; output: string }> => {
    const options = { env: { PATH: process.env.PATH, DATABASE_URL: database.url, ...env, ...more } };
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [...program, ...args], options);
      return { code: 0, output: stdout };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, output: stdout + stderr };
    }
  };
  const batch = (...args: string[]) => run({}, ...args);
  const batchOf = (day: string) => batch('--date', day, '--force');
  async function expectDays(): Promise<void> {
    for (const day of DAYS) {
      const stats = Object.entries(await statsOf(database.dataSource, day)).filter(
        ([name]) => !name.startsWith('anomalies_count'),
      );
      const expected = expectedDailyStats(day);
      expect(stats.map(([name]) => name)).toEqual(Object.keys(expected));
      for (const [name, value] of stats) expect(Math.abs(value - expected[name]!)).toBeLessThan(1e-6);
    }
  }

  it('are right through POST /events and POST /batch/run, also when they are built ten times', async () => {
    const service = await loaded();
    for (let time = 0; time < 10; time++) {
      for (const date of DAYS)
        expect(await service.post('/batch/run', { date })).toMatchObject({
          date,
          status: 'succeeded',
          trigger: 'manual',
          attempts: 1,
        });
    }
    await expectDays();
    const { items } = await service.get<Stats>('/daily-stats?from=2025-11-08&to=2025-11-10&limit=1000');
    const anomalies = items.filter(({ metricType }) => metricType === 'anomalies_count');
    // Those without a time of their own belong to the day on which their record was written: today.
    expect(anomalies.reduce((sum, { metricValue }) => sum + metricValue, 0)).toBe(170 - 22 - 38);
    expect((await service.get<{ items: unknown[] }>('/batch/runs')).items).toHaveLength(20);
  });

  (hasKafka ? it : it.skip)('are right through Kafka, built by the catch-up of two replicas', async () => {
    const topic = await createTestTopic(4);
    try {
      await pause();
      const [service] = [await start(topic.env), await start(topic.env)];
      await topic.publish(records, (position) => position % 4);
      await allConsumed(records.length);
      await service.post('/batch/resume');
      await waitFor(
        'the catch-up to end',
        async () => {
          const { missingDates } = await service.get<{ missingDates: string[] }>('/batch/schedule');
          return missingDates.length === 0;
        },
        120_000,
      );
      await expectDays();
      const doubled: unknown[] = await database.dataSource.query(
        `SELECT stat_date FROM batch_runs GROUP BY stat_date HAVING count(*) > 1`,
      );
      expect(doubled).toEqual([]);
    } finally {
      await topic.close();
    }
  });

  it('are right when three processes race for them', async () => {
    const first = await loaded();
    // The embedded log has one reader; the others only build days.
    const all = [first, await start({}, 'connected'), await start({}, 'connected')];
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(
        all.flatMap((service) =>
          DAYS.map(async (date) => {
            const response = await fetch(`${service.url}/batch/run?date=${date}`, { method: 'POST' });
            return {
              date,
              code: response.status,
              body: (await response.json()) as { status: string; code?: string },
            };
          }),
        ),
      );
      for (const date of DAYS)
        expect(answers.some((answer) => answer.date === date && answer.body.status === 'succeeded')).toBe(
          true,
        );
      for (const { code, body } of answers)
        if (code !== 200)
          expect([code, body]).toEqual([409, expect.objectContaining({ code: 'batch_running' })]);
      await expectDays();
    }
  });

  it('are right after kill -9 at many moments, and never a mix in between', async () => {
    await (await loaded()).stop();
    for (const day of DAYS) expect((await batchOf(day)).code).toBe(0);
    // Slow enough to be hit in the middle.
    await database.dataSource.query(`
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$`);
    await database.dataSource.query(
      `CREATE TRIGGER dawdle BEFORE INSERT ON daily_stats FOR EACH ROW EXECUTE FUNCTION dawdle()`,
    );
    /** Builds the days on a process of its own, which is killed after so long. @returns the answers that came, and when */
    const build = async (killAfterMs?: number): Promise<{ answers: number[]; tookMs: number }> => {
      const service = await start();
      const began = performance.now();
      const requests = Promise.allSettled(
        DAYS.map((date) => fetch(`${service.url}/batch/run?date=${date}`, { method: 'POST' })),
      );
      if (killAfterMs !== undefined) {
        await delay(killAfterMs);
        await service.kill();
      }
      const answers = (await requests).flatMap((request) =>
        request.status === 'fulfilled' ? [request.value.status] : [],
      );
      const tookMs = performance.now() - began;
      await service.kill();
      return { answers, tookMs };
    };
    const { answers: whole, tookMs } = await build();
    expect(whole).toEqual([200, 200]);
    let cutShort = 0;
    const seen = new Set<number>();
    for (let kill = 1; kill <= KILLS; kill++) {
      // One more event of each day, so that old rows and new ones differ.
      await addEvents(
        database.dataSource,
        DAYS.map((day) => ({ at: `${day}T00:10:00Z`, type: 'sms', region: 'Almaty' })),
      );
      // From the first rows to after the last ones, however fast this machine is.
      const { answers } = await build((1.5 * tookMs * kill) / KILLS);
      cutShort += DAYS.length - answers.length;
      for (const day of DAYS) seen.add(await added(day, kill));
    }
    expect(cutShort).toBeGreaterThan(0);
    expect(seen.size).toBeGreaterThan(1);
    const service = await start({ STALE_REBUILD_DELAY: '2s', BATCH_RETRY_DELAY: '100ms' });
    await idle(service);
    await service.post('/batch/resume');
    await waitFor(
      'all days to be built',
      async () => {
        const owed = await service.get<Record<string, string[] | number>>('/batch/schedule');
        const { waitingRuns, runningRuns, missingDates, staleDates } = owed;
        return (
          waitingRuns === 0 && runningRuns === 0 && `${String(missingDates)}${String(staleDates)}` === ''
        );
      },
      120_000,
    );
    for (const day of DAYS) expect(await added(day, KILLS)).toBe(KILLS);
  });

  /** How many of the added events the day's rows show; fails unless all rows show the same number of at most `most`. */
  async function added(day: string, most: number): Promise<number> {
    const stats = await statsOf(database.dataSource, day);
    const expected = expectedDailyStats(day);
    const count = stats['event_type_total_events sms'] ?? 0;
    expect(count).toBeLessThanOrEqual(most);
    for (const [name, value] of Object.entries(expected)) {
      const grows = name === 'total_events_count all_regions' || name === 'region_total_events Almaty';
      expect(Math.abs(stats[name]! - value - (grows ? count : 0))).toBeLessThan(1e-6);
    }
    return count;
  }

  it('are built again when an event of them comes late', async () => {
    const service = await start({ STALE_REBUILD_DELAY: '2s' });
    await postLines(service, records);
    await allConsumed(records.length);
    const settled = (): Promise<unknown> =>
      waitFor('the days to be built, as they are now', async () => {
        const { missingDates, staleDates } = await service.get<Record<string, string[]>>('/batch/schedule');
        return [...missingDates!, ...staleDates!].every((day) => !DAYS.includes(day));
      });
    await settled();
    const before = await statsOf(database.dataSource, '2025-11-08');
    const late = {
      event_id: '2f1c9b34-6a0e-4f0a-9d0e-4a8b8c1f7d11',
      msisdn: '77011234567',
      region: 'Almaty',
      timestamp: '2025-11-08T12:00:00Z',
      event_type: 'sms',
      event_subtype: 'incoming',
    };
    await postLines(service, [Buffer.from(JSON.stringify(late))]);
    await allConsumed(records.length + 1);
    await settled();
    const [run] = (await service.get<{ items: Run[] }>('/batch/runs?date=2025-11-08&limit=1')).items;
    expect(run).toMatchObject({ trigger: 'stale', status: 'succeeded' });
    expect(await statsOf(database.dataSource, '2025-11-08')).toEqual({
      ...before,
      'event_type_total_events sms_incoming': before['event_type_total_events sms_incoming']! + 1,
      'region_total_events Almaty': before['region_total_events Almaty']! + 1,
      'total_events_count all_regions': before['total_events_count all_regions']! + 1,
    });
  });

  describe('by the command line', () => {
    it('are right, one by one, as a range, and by three at once, with the service running or not', async () => {
      const service = await loaded();
      expect(await batch('--date', DAYS[0]!)).toEqual({
        code: 0,
        output: expect.stringMatching(/^2025-11-08 {2}succeeded, 19 rows, \d+ ms\n$/) as string,
      });
      expect(await batch('--from', DAYS[0]!, '--to', '2025-11-10')).toEqual({
        code: 0,
        output: expect.stringMatching(/2025-11-09 {2}succeeded.*\n2 of 2 days built\n$/) as string,
      });
      await expectDays();
      await database.dataSource.query('DELETE FROM daily_stats');
      const range = ['--from', '2025-11-08', '--to', '2025-11-10', '--force'];
      await service.stop();
      const codes = (await Promise.all([batch(...range), batch(...range), batch(...range)])).map(
        ({ code }) => code,
      );
      expect(codes).toEqual([0, 0, 0]);
      await expectDays();
    });

    it.each([
      [['--date', '2025-02-30'], '--date must be a date'],
      [['--date', new Date().toISOString().slice(0, 10)], 'must be before today'],
      [['--date', '2999-01-01'], 'must be before today'],
      [['--from', '2025-11-08'], '--from and --to go together'],
      [['--from', '2025-11-08', '--to', '2025-11-08'], '--to must be later'],
      [['--from', '2023-01-01', '--to', '2024-01-03'], 'at most 366 days, not 367'],
      [['--day', '2025-11-08'], 'Unknown option'],
    ])('refuse %j', async (args, message) => {
      expect(await batch(...args)).toEqual({ code: 1, output: expect.stringContaining(message) as string });
    });

    it('take turns on an embedded database, and so does a service that starts meanwhile', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'telecom-batch-'));
      try {
        const own = { DATABASE_URL: '', DATA_DIR: folder };
        const results = await Promise.all(
          [1, 2, 3].map((day) => run(own, '--date', `2022-01-0${day}`, '--force')),
        );
        expect(results).toEqual(
          results.map(() => ({ code: 0, output: expect.stringContaining('succeeded, 0 rows') as string })),
        );
        const range = run(own, '--from', '2022-01-01', '--to', '2022-03-01', '--force');
        const service = await start(own);
        expect(await range).toMatchObject({ code: 0 });
        expect(await run(own, '--date', '2022-01-04', '--force')).toMatchObject({ code: 0 });
        await service.stop();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

    it('say so when they do not know the log of the service', async () => {
      await database.dataSource.query(
        `INSERT INTO ingest_partitions (topic, partition, next_offset) VALUES ('telecom_events', 0, 0)`,
      );
      const { code, output } = await batch('--date', '2025-11-08');
      expect(code).toBe(1);
      expect(output).toContain('reads telecom_events, not event_log');
      expect((await batch('--date', '2025-11-08', '--force')).code).toBe(0);
    });

    it('say so when the database cannot be built from', async () => {
      await database.dataSource.query('ALTER TABLE daily_stats ADD CONSTRAINT never CHECK (false)');
      await database.dataSource.query(
        `INSERT INTO real_time_metrics (window_start, window_end, metric_type, metric_key, metric_value, event_count)
         VALUES ('2025-11-08', '2025-11-08 00:10Z', 'region_agg', 'Almaty', 1, 1)`,
      );
      const { code, output } = await batch('--date', '2025-11-08');
      expect(code).toBe(1);
      expect(output).toMatch(/^2025-11-08 {2}failed: .*never/m);
    });
  });
});
