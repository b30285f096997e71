import { BatchApi, expectMistakes, NO_DAYS, TOMORROW, type BatchRunPage } from '../../support/batch-api.js';

describe('GET /batch/runs', () => {
  const api = new BatchApi().forAllTests();
  const { sql, seedRun, get, runs } = api;

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
    const csv = await api.http.get('/batch/runs?format=csv');
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
    expect((await api.http.get('/batch/runs', { accept: 'text/csv' })).text).toBe(csv.text);
    const first = await api.http.get('/batch/runs?limit=3&format=csv');
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
    expectMistakes(await api.http.get(`/batch/runs?${query}`), field);
  });

  describe('/{id}', () => {
    it('is one run', async () => {
      const [a] = await seed();
      expect(await get(`/batch/runs/${a!}`)).toEqual((await runs()).items.at(-1));
    });

    it.each(['999999999999999999', '1'])('is a 404 when there is none: %s', async (id) => {
      await sql(`DELETE FROM batch_runs`);
      const answer = await api.http.get(`/batch/runs/${id}`);
      expect([answer.status, answer.body]).toEqual([
        404,
        expect.objectContaining({ code: 'not_found', detail: `There is no run ${id}.` }),
      ]);
    });

    it.each(['abc', '0', '-1', '01', '1.5', '1e3', '%20', '9999999999999999999', '2025-11-08'])(
      'is a mistake when it is no id: %s',
      async (id) => {
        expectMistakes(await api.http.get(`/batch/runs/${id}`), 'id');
      },
    );

    it('takes no parameters', async () => {
      const [a] = await seed();
      expectMistakes(await api.http.get(`/batch/runs/${a!}?format=csv`), 'format');
    });
  });
});
