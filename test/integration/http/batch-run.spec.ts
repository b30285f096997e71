import { hostname } from 'node:os';
import { buildElsewhere } from '../../support/batch.js';
import { BatchApi, expectMistakes, NO_DAYS, TODAY, TOMORROW, YESTERDAY } from '../../support/batch-api.js';

describe('POST /batch/run', () => {
  const api = new BatchApi().forAllTests();
  const { sql, window, changed, newestEvent, seedRun, get, runs, schedule, stats, post, run } = api;

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
    expect((await api.http.post('/batch/run', undefined, {})).body).toMatchObject({ date: YESTERDAY });
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
    expectMistakes(await post('/batch/run', { date: 'x', force: 1, a: 1, b: 2 }), 'date', 'force', 'a', 'b');
  });

  it.each([
    ['?date=2025-11-08&date=2025-11-08', 'date'],
    ['?date=2025-11-08&force=true', 'force'],
    ['?Date=2025-11-08', 'Date'],
  ])('refuses the query %s', async (query, field) => {
    expectMistakes(await post(`/batch/run${query}`), field);
  });

  it('refuses a body that is no JSON', async () => {
    const answer = await api.http.post('/batch/run', '{"date": 2025-11-08}');
    expect([answer.status, answer.body]).toEqual([400, expect.objectContaining({ code: 'malformed_json' })]);
    const form = await api.http.post('/batch/run', 'date=2025-11-08', {
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
    const elsewhere = (day: string) => buildElsewhere(api.database.dataSource, day);

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
