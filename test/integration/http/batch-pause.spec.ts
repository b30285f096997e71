import type { BatchRun } from '../../../src/daily-stats/batch/batch.schemas.js';
import { BatchApi, expectMistakes } from '../../support/batch-api.js';
import { waitFor } from '../../support/service.js';

describe('pausing and resuming the batch', () => {
  const api = new BatchApi();
  const { sql, window, newestEvent, seedRun, get, runs, schedule, stats, post, run } = api;

  /** Rounds come every quarter second. */
  const QUICK = { STALE_REBUILD_DELAY: '1s' };

  afterEach(() => api.stop());

  it('tells how it stands, and stays as it is in other replicas and after a restart', async () => {
    await api.start(QUICK, { paused: false });
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

    const other = await api.another();
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
    await api.start(QUICK);
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
    await api.start(QUICK, { paused: false });
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
    await api.start(QUICK, { paused: false });
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
    await api.start(QUICK, { paused: action === 'resume' });
    const before = await schedule();
    expectMistakes(await post(`/batch/${action}`, { until: '2025-11-11' }), 'until');
    expectMistakes(await post(`/batch/${action}?date=2025-11-08`), 'date');
    const asked = await api.http.get(`/batch/${action}`);
    expect([asked.status, asked.headers.allow]).toEqual([405, 'POST']);
    expect(await schedule()).toEqual(before);
  });
});
