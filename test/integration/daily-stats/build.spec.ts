import { BatchPlanner } from '../../../src/daily-stats/batch/batch-planner.js';
import { BatchService } from '../../../src/daily-stats/batch/batch.service.js';
import { parseDay } from '../../../src/aggregation/core/day.js';
import { PARTITION_LOCK } from '../../../src/daily-stats/daily-stats.repository.js';
import { addEvents, runsOf, startBatch, statsOf, type BatchReplica } from '../../support/batch.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { waitFor } from '../../support/service.js';

describe('the stats of a day', () => {
  let database: TestDatabase;
  let batch: BatchReplica;

  beforeEach(async () => {
    database = await createTestDatabase();
    // Paused: nothing happens but what the test asks for.
    await database.dataSource.query('UPDATE batch_control SET paused_at = now()');
    batch = await startBatch(database, '2026-03-01T12:00:00Z');
  });
  afterEach(async () => {
    await batch.stop();
    await database.drop();
  });

  const build = async (day: string): Promise<Record<string, number>> => {
    expect(await batch.get(BatchService).runNow(parseDay(day)!, false)).not.toBeNull();
    return statsOf(database.dataSource, day);
  };
  const lastRun = async () => (await runsOf(database.dataSource)).at(-1)!;
  const isStale = async (day: string): Promise<boolean> => {
    const [row]: { stale: boolean }[] = await database.dataSource.query(
      `SELECT version > built_version AS stale FROM stat_days WHERE stat_date = $1`,
      [day],
    );
    return row!.stale;
  };

  it('are what its windows add up to, and nothing of the days around it', async () => {
    await addEvents(database.dataSource, [
      { at: '2026-02-09T23:59:59Z', type: 'sms', region: 'Astana' },
      { at: '2026-02-10T00:00:00Z', type: 'sms', region: 'Almaty' },
      { at: '2026-02-10T12:00:00Z', type: 'data_session', region: 'Almaty', micros: 512_000_000 },
      { at: '2026-02-10T12:00:01Z', type: 'data_session_roaming', region: 'Almaty', micros: 256_000_000 },
      { at: '2026-02-10T18:00:00Z', type: 'balance_recharge', region: 'Taraz', micros: 100_100_000 },
      { at: '2026-02-10T23:59:59.999Z', type: 'call_incoming', region: 'unknown' },
      { at: '2026-02-11T00:00:00Z', type: 'sms', region: 'Astana' },
    ]);
    expect(await build('2026-02-10')).toEqual({
      'data_volume_gb all': 0.75,
      'event_type_total_events balance_recharge': 1,
      'event_type_total_events call_incoming': 1,
      'event_type_total_events data_session': 1,
      'event_type_total_events data_session_roaming': 1,
      'event_type_total_events sms': 1,
      'recharge_amount all': 100.1,
      'region_total_events Almaty': 3,
      'region_total_events Taraz': 1,
      'region_total_events unknown': 1,
      'total_events_count all_regions': 5,
    });
    expect(await lastRun()).toEqual({
      date: '2026-02-10',
      trigger: 'manual',
      status: 'succeeded',
      attempts: 1,
      rows: 11,
      error: null,
    });
  });

  it('count anomalies by the day of their event, or of their record where the event has no time to be trusted', async () => {
    const anomaly = (event: string | null, record: string | null, offset: number): Promise<unknown> =>
      database.dataSource.query(
        `INSERT INTO anomalies (reason, detail, topic, partition, incarnation, "offset", event_time, record_timestamp, created_at)
         VALUES ('invalid_amount', '', 't', 0, 1, $3, $1, $2, '2026-02-12T00:00:01Z')`,
        [event, record, offset],
      );
    await anomaly('2026-02-10T23:59:59Z', '2026-02-11T00:00:01Z', 1);
    await anomaly(null, '2026-02-10T10:00:00Z', 2);
    await anomaly('2099-01-01T00:00:00Z', '2026-02-10T10:00:00Z', 3); // a clock far ahead
    await anomaly('2099-01-01T00:00:00Z', null, 4);
    await anomaly(null, '9999-12-31T00:00:00Z', 5);
    await anomaly(null, null, 6);
    expect(await build('2026-02-10')).toEqual({ 'anomalies_count invalid_amount': 3 });
    expect(await build('2026-02-12')).toEqual({ 'anomalies_count invalid_amount': 3 });
  });

  it('are no rows for a day without data, and that is a success', async () => {
    expect(await build('2026-02-10')).toEqual({});
    expect(await lastRun()).toMatchObject({ status: 'succeeded', rows: 0 });
  });

  it.each(['2024-02-29', '2025-12-31', '2026-01-01', '2001-01-31', '0099-03-01'])(
    'find the partition of their month, or make it: %s',
    async (day) => {
      await addEvents(database.dataSource, [{ at: `${day}T23:55:00Z`, type: 'sms', region: 'Almaty' }]);
      expect(await build(day)).toMatchObject({ 'total_events_count all_regions': 1 });
      const [row]: { partition: string }[] = await database.dataSource.query(
        `SELECT DISTINCT tableoid::regclass::text AS partition FROM daily_stats WHERE stat_date = $1`,
        [day],
      );
      expect(row!.partition).toBe(`daily_stats_${day.slice(0, 7).replace('-', '_')}`);
    },
  );

  it('are the same however often they are built', async () => {
    await addEvents(database.dataSource, [{ at: '2026-02-10T10:00:00Z', type: 'sms', region: 'Almaty' }]);
    const once = await build('2026-02-10');
    for (let again = 0; again < 3; again++) expect(await build('2026-02-10')).toEqual(once);
    expect(await runsOf(database.dataSource)).toHaveLength(4);
  });

  it('stay as they were when a build fails half-way, and the run says why', async () => {
    await addEvents(database.dataSource, [{ at: '2026-02-10T10:00:00Z', type: 'sms', region: 'Almaty' }]);
    const before = await build('2026-02-10');
    await addEvents(database.dataSource, [{ at: '2026-02-10T10:00:00Z', type: 'sms', region: 'Zhezkazgan' }]);
    await database.dataSource.query(
      `ALTER TABLE daily_stats ADD CONSTRAINT no_zhezkazgan CHECK (metric_key <> 'Zhezkazgan')`,
    );
    expect(await build('2026-02-10')).toEqual(before);
    expect(await lastRun()).toMatchObject({ status: 'failed', attempts: 1, rows: null });
    expect((await lastRun()).error).toContain('no_zhezkazgan');
    await database.dataSource.query(`ALTER TABLE daily_stats DROP CONSTRAINT no_zhezkazgan`);
    expect(await build('2026-02-10')).toMatchObject({ 'total_events_count all_regions': 2 });
  });

  it('of two days in a month without partition can be built at once, by two replicas', async () => {
    const other = await startBatch(database, '2026-03-01T12:00:00Z');
    try {
      for (let month = 1; month <= 12; month++) {
        const days = ['10', '20'].map((day) => parseDay(`2020-${String(month).padStart(2, '0')}-${day}`)!);
        const ids = await Promise.all([
          batch.get(BatchService).runNow(days[0]!, false),
          other.get(BatchService).runNow(days[1]!, false),
        ]);
        expect(ids.every((id) => id !== null)).toBe(true);
      }
      expect((await runsOf(database.dataSource)).filter(({ status }) => status !== 'succeeded')).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  it('wait for another process to make their partition, but not for ever', async () => {
    await addEvents(database.dataSource, [{ at: '2026-02-10T10:00:00Z', type: 'sms', region: 'Almaty' }]);
    await build('2026-01-10');
    const other = database.dataSource.createQueryRunner();
    await other.startTransaction();
    await other.query(`SELECT pg_advisory_xact_lock(${PARTITION_LOCK})`);
    // Those of a month that has its partition need not wait.
    await build('2026-01-20');
    expect(await lastRun()).toMatchObject({ date: '2026-01-20', status: 'succeeded' });

    expect(await build('2026-02-10')).toEqual({});
    expect(await lastRun()).toMatchObject({
      date: '2026-02-10',
      status: 'failed',
      error: expect.stringContaining('another process is making a partition of daily_stats') as string,
    });

    const beside = build('2026-02-10');
    await waitFor('the build to ask for the partition', async () => {
      const asking: unknown[] = await database.dataSource.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
            AND query LIKE 'SELECT pg_try_advisory_xact_lock(${PARTITION_LOCK})%'`,
      );
      return asking.length > 0;
    });
    await other.rollbackTransaction();
    await other.release();
    expect(await beside).toMatchObject({ 'total_events_count all_regions': 1 });
    expect(await lastRun()).toMatchObject({ date: '2026-02-10', status: 'succeeded' });
  });

  it.each([
    ['never', []],
    ['before', ['2026-02-10T10:00:00Z']],
  ])(
    'are stale as soon as a flush commits that went on beside the build; the day was built %s',
    async (_, built) => {
      const sms = (at: string) => ({ at, type: 'sms', region: 'Almaty' });
      for (const at of built) {
        await addEvents(database.dataSource, [sms(at)]);
        await build('2026-02-10');
      }
      const flush = database.dataSource.createQueryRunner();
      await flush.connect();
      await flush.startTransaction();
      await addEvents({ query: (sql: string, values?: unknown[]) => flush.query(sql, values) as never }, [
        sms('2026-02-10T10:00:00Z'),
        sms('2026-02-10T11:00:00Z'),
      ]);
      // The windows are read without waiting for the flush; only the build's last step does.
      const beside = build('2026-02-10');
      await waitFor('the build to wait for the flush', async () => {
        const waiting: unknown[] = await database.dataSource.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'stat_days'`,
        );
        return waiting.length > 0;
      });
      await flush.commitTransaction();
      await flush.release();
      expect((await beside)['total_events_count all_regions'] ?? 0).toBe(built.length);
      expect(await isStale('2026-02-10')).toBe(true);
      expect((await build('2026-02-10'))['total_events_count all_regions']).toBe(built.length + 2);
      expect(await isStale('2026-02-10')).toBe(false);
    },
  );

  it('are built while the batch is paused, when somebody asks', async () => {
    expect(await batch.get(BatchPlanner).isPaused()).toBe(true);
    expect(await build('2026-02-10')).toEqual({});
  });
});
