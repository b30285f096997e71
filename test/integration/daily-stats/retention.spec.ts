import type { DataSource } from 'typeorm';
import { parseDay } from '../../../src/aggregation/core/day.js';
import { BatchService } from '../../../src/daily-stats/batch/batch.service.js';
import { BatchStateQueries } from '../../../src/daily-stats/batch/batch-state.queries.js';
import { DailySchedule } from '../../../src/daily-stats/daily-schedule.js';
import { RetentionService } from '../../../src/daily-stats/retention.service.js';
import { addEvents, startBatch, statsOf, type BatchReplica } from '../../support/batch.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

const NOON = '2026-03-11T12:00:00Z';

describe('retention', () => {
  let database: TestDatabase;
  let db: DataSource;
  let batch: BatchReplica;

  beforeEach(async () => {
    database = await createTestDatabase();
    db = database.dataSource;
    await db.query('UPDATE batch_control SET paused_at = now()');
    for (const day of ['2026-01-15', '2026-02-27', '2026-02-28', '2026-03-09', '2026-03-10', '2026-03-11'])
      await addEvents(db, [
        { at: `${day}T10:00:00Z`, type: 'balance_recharge', region: 'Almaty', micros: 1_500_000 },
      ]);
  });
  afterEach(async () => {
    await batch.stop();
    await database.drop();
  });

  const start = async (env: Record<string, string>): Promise<void> => {
    batch = await startBatch(database, NOON, env);
  };
  const build = async (from: string, to: string): Promise<void> => {
    for (let day = parseDay(from)!; day < to; day = nextDay(day))
      await batch.get(BatchService).runNow(day, false);
  };
  const nextDay = (day: string) =>
    parseDay(new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10))!;
  const windowDays = async (): Promise<string[]> => {
    const rows: { day: string }[] = await db.query(
      `SELECT DISTINCT window_start::date::text AS day FROM real_time_metrics ORDER BY day`,
    );
    return rows.map(({ day }) => day);
  };
  const run = (): Promise<void> => batch.get(RetentionService).run();

  it('is off by default', async () => {
    await start({});
    await build('2026-01-15', '2026-03-11');
    const before = await windowDays();
    await run();
    expect(await windowDays()).toEqual(before);
  });

  it('deletes window metrics of days that are older and built', async () => {
    await start({ METRICS_RETENTION_DAYS: '10' });
    await build('2026-01-15', '2026-03-11');
    await run();
    expect(await windowDays()).toEqual(['2026-03-09', '2026-03-10', '2026-03-11']);
    expect(await statsOf(db, '2026-02-28')).toMatchObject({ 'total_events_count all_regions': 1 });
  });

  it('never deletes past a day that is not built', async () => {
    await start({
      METRICS_RETENTION_DAYS: '1',
      ANOMALIES_RETENTION_DAYS: '1',
      DAILY_STATS_RETENTION_MONTHS: '3',
    });
    await build('2026-02-28', '2026-03-11');
    await db.query(
      `INSERT INTO anomalies (reason, detail, topic, partition, incarnation, "offset", created_at) VALUES ('too_late', '', 't', 0, 1, 1, '2026-03-01')`,
    );
    const before = await windowDays();
    await run();
    expect(await windowDays()).toEqual(before);
    expect(await db.query('SELECT id FROM anomalies')).toHaveLength(1);
    expect(await statsOf(db, '2026-02-28')).not.toEqual({});
  });

  it('never deletes past a day that has changed since it was built', async () => {
    await start({ METRICS_RETENTION_DAYS: '1' });
    await build('2026-01-15', '2026-03-11');
    await addEvents(db, [{ at: '2026-02-28T11:00:00Z', type: 'sms', region: 'Almaty' }]);
    await run();
    expect(await windowDays()).toEqual(['2026-02-28', '2026-03-09', '2026-03-10', '2026-03-11']);
  });

  it('keeps what deleted windows added up to: a day that changes later is still right', async () => {
    await start({ METRICS_RETENTION_DAYS: '1' });
    await build('2026-01-15', '2026-03-11');
    const before = await statsOf(db, '2026-02-28');
    for (let round = 1; round <= 2; round++) {
      await run();
      expect(await windowDays()).toEqual(['2026-03-10', '2026-03-11']);
      await build('2026-02-28', '2026-03-01');
      await addEvents(db, [
        { at: '2026-02-28T10:00:00Z', type: 'balance_recharge', region: 'Almaty', micros: 250_000 },
      ]);
      await build('2026-02-28', '2026-03-01');
      expect(await statsOf(db, '2026-02-28')).toEqual({
        ...before,
        'event_type_total_events balance_recharge': 1 + round,
        'recharge_amount all': 1.5 + 0.25 * round,
        'region_total_events Almaty': 1 + round,
        'total_events_count all_regions': 1 + round,
      });
    }
  });

  it('expects every day since the first with data, also when all windows of that one are deleted', async () => {
    await start({ METRICS_RETENTION_DAYS: '1' });
    await build('2026-01-15', '2026-03-11');
    await run();
    await db.query(`DELETE FROM stat_days WHERE stat_date = '2026-02-01'`);
    expect((await batch.get(BatchStateQueries).state()).missingDates).toEqual(['2026-02-01']);
  });

  it('deletes anomalies by when they were set aside, and keeps their counts', async () => {
    await start({ ANOMALIES_RETENTION_DAYS: '5' });
    await db.query(
      `INSERT INTO anomalies (reason, detail, topic, partition, incarnation, "offset", event_time, created_at)
       SELECT CASE WHEN n % 2 = 0 THEN 'invalid_amount' ELSE 'too_late' END, '', 't', 0, 1, n, '2026-02-28T10:00:00Z',
              CASE WHEN n <= 25000 THEN timestamptz '2026-03-05T23:59:59Z' ELSE timestamptz '2026-03-06T00:00:00Z' END
         FROM generate_series(1, 25010) AS n`,
    );
    await build('2026-01-15', '2026-03-11');
    await run();
    const [left]: { count: number }[] = await db.query('SELECT count(*)::integer AS count FROM anomalies');
    expect(left).toEqual({ count: 10 });
    await build('2026-02-28', '2026-03-01');
    expect(await statsOf(db, '2026-02-28')).toMatchObject({
      'anomalies_count invalid_amount': 12_505,
      'anomalies_count too_late': 12_505,
    });
  });

  it('deletes what was done to anomalies together with them', async () => {
    await start({ ANOMALIES_RETENTION_DAYS: '5' });
    await db.query(
      `WITH anomaly AS (
         INSERT INTO anomalies (reason, detail, topic, partition, incarnation, "offset", event_time, created_at)
         SELECT 'too_late', '', 't', 0, 1, n, '2026-02-28T10:00:00Z', timestamptz '2026-03-05T12:00:00Z' + n * interval '1 day'
           FROM generate_series(0, 1) AS n RETURNING id
       )
       INSERT INTO anomaly_history (anomaly_id, actor, action, outcome)
       SELECT id, 'operator', action, 'x' FROM anomaly, (VALUES ('replay'), ('discard')) AS done(action)`,
    );
    await build('2026-01-15', '2026-03-11');
    await run();
    const left: { day: string; action: string }[] = await db.query(
      `SELECT anomalies.created_at::date::text AS day, action
         FROM anomaly_history LEFT JOIN anomalies ON anomalies.id = anomaly_id ORDER BY anomaly_history.id`,
    );
    expect(left).toEqual([
      { day: '2026-03-06', action: 'replay' },
      { day: '2026-03-06', action: 'discard' },
    ]);
  });

  it('drops whole months of daily stats, and refuses to build them', async () => {
    await start({ DAILY_STATS_RETENTION_MONTHS: '1' });
    await build('2026-01-15', '2026-03-11');
    await run();
    const partitions: { name: string }[] = await db.query(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'daily_stats'::regclass ORDER BY 1`,
    );
    expect(partitions.map(({ name }) => name)).toEqual(['daily_stats_2026_02', 'daily_stats_2026_03']);
    expect(await windowDays()).toContain('2026-01-15');
    const schedule = batch.get(DailySchedule);
    expect(schedule.whyNotBuildable(parseDay('2026-01-31')!)).toMatch(/must not be before 2026-02-01/);
    expect(schedule.whyNotBuildable(parseDay('2026-02-01')!)).toBeNull();
  });
});
