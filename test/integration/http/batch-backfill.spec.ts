import { batchRun, type BatchRun } from '../../../src/daily-stats/batch/batch.schemas.js';
import { BatchApi, expectMistakes, NO_DAYS, TODAY, TOMORROW, YESTERDAY } from '../../support/batch-api.js';

describe('POST /batch/backfill', () => {
  const api = new BatchApi().forAllTests();
  const { sql, seedRun, get, runs, post } = api;

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
    expect([all.dates[0], all.dates[59], all.dates[365]]).toEqual(['2024-01-01', '2024-02-29', '2024-12-31']);
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
