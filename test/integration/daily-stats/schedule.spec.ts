import type { DataSource } from 'typeorm';
import { parseDay, type Day } from '../../../src/aggregation/core/day.js';
import { BatchMonitor } from '../../../src/daily-stats/batch/batch-monitor.js';
import { BatchPlanner } from '../../../src/daily-stats/batch/batch-planner.js';
import { BatchRound } from '../../../src/daily-stats/batch/batch-round.js';
import { BatchService } from '../../../src/daily-stats/batch/batch.service.js';
import { BatchStateQueries, type BatchState } from '../../../src/daily-stats/batch/batch-state.queries.js';
import {
  addEvents,
  buildElsewhere,
  runsOf,
  startBatch,
  statsOf,
  type BatchReplica,
  type Run,
} from '../../support/batch.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { waitFor } from '../../support/service.js';

const NOON = '2026-03-11T12:00:00Z';
const at = (day: string) => ({ at: `${day}T10:00:00Z`, type: 'sms', region: 'Almaty' });
const march = (day: number): Day => parseDay(`2026-03-${String(day).padStart(2, '0')}`)!;
const FIRST_TO_TENTH = Array.from({ length: 10 }, (_, index) => march(index + 1));

describe('the batch by itself', () => {
  let database: TestDatabase;
  let db: DataSource;
  let replicas: BatchReplica[];

  beforeEach(async () => {
    database = await createTestDatabase();
    db = database.dataSource;
    replicas = [];
  });
  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await database.drop();
  });

  const start = async (now: string, env?: Record<string, string>): Promise<BatchReplica> => {
    const replica = await startBatch(database, now, env);
    replicas.push(replica);
    return replica;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(replicas.splice(0).map((replica) => replica.stop()));
  };
  const ended = (count: number): Promise<Run[]> =>
    waitFor(`${count} runs to end`, async () => {
      const runs = await runsOf(db);
      return runs.length >= count && runs.every(({ status }) => /succeeded|failed/.test(status))
        ? runs
        : null;
    });
  const state = (replica: BatchReplica): Promise<BatchState> => replica.get(BatchStateQueries).state();
  /** Makes building a day fail, until it is called off. */
  const poison = (day: string): Promise<unknown> =>
    db.query(
      `ALTER TABLE stat_days ADD CONSTRAINT poison CHECK (stat_date <> '${day}' OR built_version IS NULL)`,
    );
  const antidote = (): Promise<unknown> => db.query(`ALTER TABLE stat_days DROP CONSTRAINT poison`);

  it('does nothing as long as there is no data of a past day', async () => {
    await addEvents(db, [at('2026-03-11')]);
    const batch = await start(NOON);
    await batch.get(BatchRound).regular();
    expect(await runsOf(db)).toEqual([]);
    expect((await state(batch)).missingDates).toEqual([]);
  });

  it('builds all days of ten days off at the start, once each, the oldest first', async () => {
    await addEvents(db, [at('2026-03-01'), at('2026-03-04'), at('2026-03-10'), at('2026-03-11')]);
    const batch = await start(NOON);
    const runs = await ended(10);
    expect(runs).toEqual(
      FIRST_TO_TENTH.map((date) => ({
        date,
        trigger: 'catch_up',
        status: 'succeeded',
        attempts: 1,
        rows: ['2026-03-01', '2026-03-04', '2026-03-10'].includes(date) ? 3 : 0,
        error: null,
      })),
    );
    const inOrder: { date: string }[] = await db.query(
      `SELECT stat_date::text AS date FROM batch_runs ORDER BY finished_at`,
    );
    expect(inOrder.map(({ date }) => date)).toEqual(FIRST_TO_TENTH);
    expect((await state(batch)).missingDates).toEqual([]);
    await stop();
    const restarted = await start(NOON);
    await restarted.get(BatchRound).regular();
    expect(await runsOf(db)).toHaveLength(10);
  });

  it('builds each day once, also when three replicas start together', async () => {
    await addEvents(db, [at('2026-03-01')]);
    await Promise.all([start(NOON), start(NOON), start(NOON)]);
    await ended(10);
    for (const replica of replicas) await replica.get(BatchRound).regular();
    const runs = await runsOf(db);
    expect(runs.map(({ date }) => date).sort()).toEqual(FIRST_TO_TENTH);
    expect(runs.every(({ status, attempts }) => status === 'succeeded' && attempts === 1)).toBe(true);
  });

  it('builds each day once, also when three replicas find the schedule firing together', async () => {
    await addEvents(db, [at('2026-03-09')]);
    const now = '2026-03-11T00:05:00Z';
    await Promise.all([start(now), start(now), start(now)]);
    await Promise.all(replicas.map((replica) => replica.get(BatchRound).scheduled()));
    const runs = await ended(2);
    expect(runs.map(({ date, trigger }) => `${date} ${trigger}`).sort()).toEqual([
      '2026-03-09 catch_up',
      '2026-03-10 scheduled',
    ]);
  });

  it('leaves yesterday to the schedule until a minute after its time', async () => {
    await addEvents(db, [at('2026-03-09')]);
    const early = await start('2026-03-11T00:04:59Z');
    await early.get(BatchRound).regular();
    expect((await ended(1)).map(({ date }) => date)).toEqual(['2026-03-09']);
    await stop();
    const inTime = await start('2026-03-11T00:05:30Z');
    await inTime.get(BatchRound).regular();
    expect(await runsOf(db)).toHaveLength(1);
    await stop();
    await start('2026-03-11T00:06:00Z');
    expect((await ended(2))[1]).toMatchObject({ date: '2026-03-10', trigger: 'catch_up' });
  });

  it('fires by DAILY_BATCH_CRON', async () => {
    await addEvents(db, [at('2026-03-10')]);
    // The clock stands in the second in which the schedule fires, so that only the cron job takes the day.
    await start('2026-03-11T00:00:00Z', { DAILY_BATCH_CRON: '* * * * * *' });
    expect((await ended(1))[0]).toMatchObject({
      date: '2026-03-10',
      trigger: 'scheduled',
      status: 'succeeded',
    });
  });

  it("does yesterday's work in the middle of a long catch-up", async () => {
    await addEvents(db, [at('2025-01-01')]);
    await db.query('UPDATE batch_control SET paused_at = now()');
    const batch = await start('2026-03-11T00:05:00Z');
    await batch.get(BatchPlanner).planMissedAndStale();
    await batch.get(BatchService).resume();
    await waitFor('the catch-up to be under way', async () =>
      (await runsOf(db)).some(({ status }) => status === 'succeeded'),
    );
    await batch.get(BatchRound).scheduled();
    const yesterday = await waitFor('yesterday', async () =>
      (await runsOf(db)).find(({ trigger, status }) => trigger === 'scheduled' && status === 'succeeded'),
    );
    expect(yesterday.date).toBe('2026-03-10');
    expect((await runsOf(db)).some(({ status }) => status === 'waiting')).toBe(true);
    expect((await ended(434)).every(({ status }) => status === 'succeeded')).toBe(true);
  });

  it('waits for the watermark to pass the day, and says so', async () => {
    await addEvents(db, [at('2026-03-09')]);
    const newest = (time: string): Promise<unknown> =>
      db.query(
        `INSERT INTO ingest_partitions (topic, partition, next_offset, newest_event_time, seen_at) VALUES ('event_log', 0, 0, $1, now())
         ON CONFLICT (topic, partition) DO UPDATE SET newest_event_time = excluded.newest_event_time`,
        [time],
      );
    await newest('2026-03-11T00:00:59Z'); // less a minute of WATERMARK_DELAY: a second is missing
    await start(NOON);
    await waitFor('the day before', async () => (await runsOf(db))[0]?.status === 'succeeded');
    for (const replica of replicas) await replica.get(BatchRound).regular();
    expect((await runsOf(db))[1]).toMatchObject({ date: '2026-03-10', status: 'waiting', attempts: 0 });
    await newest('2026-03-11T00:01:00Z');
    expect((await ended(2))[1]).toMatchObject({ date: '2026-03-10', status: 'succeeded', attempts: 1 });
  });

  describe('when a day fails', () => {
    beforeEach(async () => {
      await addEvents(db, [at('2026-03-09')]);
      await poison('2026-03-10');
    });

    it('tries it again until it works, and notes how often', async () => {
      await start(NOON, { BATCH_RETRIES: '100' });
      const failing = await waitFor('two attempts', async () =>
        (await runsOf(db)).find(
          ({ date, attempts, status }) => date === '2026-03-10' && attempts >= 2 && status === 'waiting',
        ),
      );
      expect(failing.error).toMatch(/poison/);
      await antidote();
      const run = (await ended(2)).at(-1)!;
      expect(run).toMatchObject({ date: '2026-03-10', status: 'succeeded', error: null });
      expect(run.attempts).toBeGreaterThanOrEqual(3);
    });

    it('gives up after BATCH_RETRIES, with twice the wait each time, tells once, and lets the other days go on', async () => {
      const batch = await start(NOON, { BATCH_RETRIES: '2' });
      const runs = await ended(2);
      expect(runs[0]).toMatchObject({ date: '2026-03-09', status: 'succeeded' });
      expect(runs[1]).toMatchObject({ date: '2026-03-10', status: 'failed', attempts: 3, rows: null });
      expect(batch.alarms.filter((line) => line.includes('2026-03-10 (catch_up) failed'))).toEqual([
        expect.stringContaining('at attempt 1, next one in 0.1 s'),
        expect.stringContaining('at attempt 2, next one in 0.2 s'),
        expect.stringContaining('at attempt 3, for good'),
      ]);
      for (let round = 0; round < 3; round++) await batch.get(BatchRound).regular();
      expect(await runsOf(db)).toHaveLength(2);
      expect(await state(batch)).toMatchObject({ missingDates: ['2026-03-10'], failedDates: ['2026-03-10'] });
      expect(batch.get(BatchMonitor).last?.failedDates).toEqual(['2026-03-10']);
      expect(batch.alarms.filter((line) => line.startsWith('ERROR'))).toEqual([
        expect.stringContaining('missing, or failed for good: 2026-03-10'),
      ]);
    });

    it('gives it another chance when the schedule fires, or when somebody asks', async () => {
      const batch = await start(NOON, { BATCH_RETRIES: '0' });
      await ended(2);
      expect(await batch.get(BatchService).runNow(march(10), false)).not.toBeNull();
      expect((await runsOf(db))[2]).toMatchObject({ trigger: 'manual', status: 'failed', attempts: 1 });
      await antidote();
      await batch.get(BatchRound).scheduled();
      expect((await ended(4))[3]).toMatchObject({
        date: '2026-03-10',
        trigger: 'scheduled',
        status: 'succeeded',
      });
      expect((await state(batch)).failedDates).toEqual([]);
    });

    it('can be told to build the failed days', async () => {
      const batch = await start(NOON, { BATCH_RETRIES: '0' });
      await ended(2);
      await antidote();
      const { days } = await batch.get(BatchService).backfill(march(1), march(11), 'failed', false);
      expect(days).toEqual(['2026-03-10']);
      expect((await ended(3))[2]).toMatchObject({ trigger: 'backfill', status: 'succeeded' });
    });
  });

  it('takes up a day whose replica has died in the middle of it', async () => {
    await addEvents(db, [at('2026-03-10')]);
    await db.query(
      `INSERT INTO batch_runs (stat_date, trigger, status, attempts, started_at) VALUES ('2026-03-10', 'scheduled', 'running', 1, now())`,
    );
    const batch = await start(NOON);
    expect(await ended(1)).toEqual([
      expect.objectContaining({ trigger: 'scheduled', status: 'succeeded', attempts: 2, rows: 3 }),
    ]);
    expect(batch.alarms).toEqual([
      expect.stringContaining('the replica that built them has gone; once more'),
    ]);
  });

  it('waits longer each time, when replica after replica dies in the middle of a day', async () => {
    await addEvents(db, [at('2026-03-09')]);
    await db.query(
      `INSERT INTO batch_runs (stat_date, trigger, status, attempts, interruptions, started_at)
       VALUES ('2026-03-09', 'catch_up', 'running', 8, 8, now()), ('2026-03-10', 'scheduled', 'running', 20, 20, now())`,
    );
    const batch = await start(NOON, { BATCH_RETRY_DELAY: '10m' });
    const put = await waitFor('both runs to be put back', async () => {
      const rows: { interruptions: number; later: boolean }[] = await db.query(
        `SELECT interruptions, not_before > now() + interval '1 minute' AS later FROM batch_runs WHERE status = 'waiting' ORDER BY id`,
      );
      return rows.length === 2 && rows;
    });
    expect(put).toEqual([
      { interruptions: 9, later: true },
      { interruptions: 21, later: true },
    ]);
    expect(batch.alarms.filter((line) => line.includes('has gone')).sort()).toEqual([
      expect.stringMatching(/2026-03-09 .* has gone; once more in 128 s$/),
      expect.stringMatching(/2026-03-10 .* has gone; once more in 600 s$/),
    ]);
  });

  it('does not take a replica that died for a failure of the day', async () => {
    await addEvents(db, [at('2026-03-10')]);
    await poison('2026-03-10');
    await db.query(
      `INSERT INTO batch_runs (stat_date, trigger, attempts, interruptions) VALUES ('2026-03-10', 'scheduled', 5, 5)`,
    );
    const batch = await start(NOON, { BATCH_RETRIES: '1' });
    expect(await ended(1)).toEqual([expect.objectContaining({ status: 'failed', attempts: 7 })]);
    expect(batch.alarms.filter((line) => line.includes('2026-03-10 (scheduled) failed'))).toEqual([
      expect.stringContaining('at attempt 6, next one in 0.1 s'),
      expect.stringContaining('at attempt 7, for good'),
    ]);
  });

  it('leaves a day alone that somebody else is building', async () => {
    await addEvents(db, [at('2026-03-10')]);
    const endElsewhere = await buildElsewhere(db, '2026-03-10');
    await db.query(
      `INSERT INTO batch_runs (stat_date, trigger, status, attempts, started_at) VALUES ('2026-03-10', 'scheduled', 'running', 1, now())`,
    );
    const batch = await start(NOON);
    for (let round = 0; round < 3; round++) await batch.get(BatchRound).regular();
    expect(await batch.get(BatchService).runNow(march(10), false)).toBeNull();
    expect(await runsOf(db)).toEqual([expect.objectContaining({ status: 'running', attempts: 1 })]);
    await endElsewhere();
    expect(await ended(1)).toEqual([expect.objectContaining({ status: 'succeeded', attempts: 2 })]);
  });

  it('does nothing while it is paused, and catches up when it is resumed, also over restarts', async () => {
    await addEvents(db, [at('2026-03-09')]);
    await db.query('UPDATE batch_control SET paused_at = now()');
    let batch = await start(NOON);
    await batch.get(BatchRound).regular();
    await batch.get(BatchRound).scheduled();
    await stop();
    batch = await start(NOON);
    await batch.get(BatchRound).scheduled();
    expect(await runsOf(db)).toEqual([]);
    expect(await state(batch)).toMatchObject({ paused: true, missingDates: ['2026-03-09', '2026-03-10'] });
    await batch.get(BatchService).resume();
    expect((await ended(2)).every(({ status }) => status === 'succeeded')).toBe(true);
  });

  describe('when a built day changes and cannot be built again', () => {
    it('gives up for good, until the schedule fires', async () => {
      await addEvents(db, [at('2026-03-10')]);
      const batch = await start(NOON, { BATCH_RETRIES: '0' });
      await ended(1);
      await db.query(`ALTER TABLE daily_stats ADD CONSTRAINT poison CHECK (metric_value < 2)`);
      await addEvents(db, [at('2026-03-10')]);
      expect((await ended(2))[1]).toMatchObject({ trigger: 'stale', status: 'failed' });
      for (let round = 0; round < 3; round++) await batch.get(BatchRound).regular();
      expect(await runsOf(db)).toHaveLength(2);
      expect(await state(batch)).toMatchObject({ staleDates: ['2026-03-10'], failedDates: ['2026-03-10'] });
      await db.query(`ALTER TABLE daily_stats DROP CONSTRAINT poison`);
      await batch.get(BatchRound).scheduled();
      expect((await ended(3))[2]).toMatchObject({ trigger: 'stale', status: 'succeeded' });
      expect(await state(batch)).toMatchObject({ staleDates: [], failedDates: [] });
    });
  });

  describe('when a built day changes', () => {
    it('builds it again, within STALE_REBUILD_DELAY, once for many changes', async () => {
      await addEvents(db, [at('2026-03-09')]);
      const batch = await start(NOON, { STALE_REBUILD_DELAY: '2s' });
      await ended(2);
      const changedAt = Date.now();
      for (let change = 0; change < 5; change++) await addEvents(db, [at('2026-03-09')]);
      expect((await state(batch)).staleDates).toEqual(['2026-03-09']);
      const runs = await ended(3);
      expect(Date.now() - changedAt).toBeLessThan(2_000);
      expect(runs.slice(2)).toEqual([
        expect.objectContaining({ date: '2026-03-09', trigger: 'stale', status: 'succeeded' }),
      ]);
      expect(await statsOf(db, '2026-03-09')).toMatchObject({ 'total_events_count all_regions': 6 });
      expect((await state(batch)).staleDates).toEqual([]);
    });

    it('does not build it again when nothing more comes', async () => {
      await addEvents(db, [at('2026-03-10')]);
      const batch = await start(NOON);
      await ended(1);
      for (let round = 0; round < 3; round++) await batch.get(BatchRound).regular();
      expect(await runsOf(db)).toHaveLength(1);
    });
  });

  it('says nothing of days that are missing only until their turn comes', async () => {
    await addEvents(db, [at('2026-03-01')]);
    await db.query(
      `INSERT INTO ingest_partitions (topic, partition, next_offset, newest_event_time, seen_at) VALUES ('event_log', 0, 0, '2026-03-01T12:00:00Z', now())`,
    );
    const batch = await start(NOON);
    for (let round = 0; round < 5; round++) await batch.get(BatchRound).regular();
    expect((await state(batch)).missingDates).toEqual(FIRST_TO_TENTH);
    expect(batch.alarms).toEqual([]);
    for (let round = 0; round < 5; round++) await batch.get(BatchRound).regular();
    expect(batch.alarms).toEqual([expect.stringContaining('ERROR')]);
  });

  it('calls a day missing from 02:00 UTC on, tells the log once, and stops when it is there', async () => {
    await addEvents(db, [at('2026-03-10')]);
    await db.query('UPDATE batch_control SET paused_at = now()');
    const early = await start('2026-03-11T01:59:59Z');
    expect((await state(early)).missingDates).toEqual([]);
    const late = await start('2026-03-11T02:00:00Z');
    for (let round = 0; round < 3; round++) await late.get(BatchRound).regular();
    expect((await state(late)).missingDates).toEqual(['2026-03-10']);
    expect(late.alarms).toEqual([expect.stringMatching(/^ERROR .*2026-03-10.*GET \/batch\/schedule/)]);
    await late.get(BatchService).runNow(march(10), false);
    await late.get(BatchRound).regular();
    expect(late.get(BatchMonitor).last?.missingDates).toEqual([]);
    expect(late.alarms).toHaveLength(1);
  });
});
