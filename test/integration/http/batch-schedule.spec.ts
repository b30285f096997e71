import { BatchApi, expectMistakes, TODAY } from '../../support/batch-api.js';

describe('GET /batch/schedule', () => {
  const api = new BatchApi().forAllTests();
  const { window, changed, seedRun, schedule, run } = api;

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
    expectMistakes(await api.http.get('/batch/schedule?date=2025-11-08'), 'date');
  });
});

describe('the batch with a schedule of its own that keeps two months', () => {
  const api = new BatchApi();
  const { runs, schedule, post, run } = api;

  beforeAll(
    () => api.start({ DAILY_BATCH_CRON: '30 4 * * 1', DAILY_STATS_RETENTION_MONTHS: '2' }, { paused: false }),
    30_000,
  );
  afterAll(() => api.stop());

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
