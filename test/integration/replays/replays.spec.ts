import type { ReplayDetail } from '../../../src/replays/replays.schemas.js';
import { addAnomaly, GOOD_EVENT } from '../../support/anomalies.js';
import { replayService } from '../../support/replay-service.js';
import { waitFor } from '../../support/service.js';

describe('replays of anomalies in bulk', () => {
  const { database, http, post, another, restart, windows } = replayService();
  const BROKEN = { ...GOOD_EVENT, amount: 'a lot' };
  /** Many at once; the given share of them is beyond repair. */
  const addMany = async (count: number, broken: object = BROKEN, beyondRepair = 0): Promise<void> => {
    await database.dataSource.query(
      `INSERT INTO anomalies (reason, detail, raw, topic, partition, incarnation, "offset", record_timestamp, created_at)
       SELECT 'invalid_amount', '', CASE WHEN n > $2 THEN convert_to($1, 'UTF8') ELSE '\\x00' END, 'telecom_events', 0, 1, n + 1000000,
              '2025-11-08T22:31:13Z', '2025-11-08T22:31:14Z'
         FROM generate_series(1, $3::integer) AS n`,
      [JSON.stringify(broken), beyondRepair, count],
    );
  };
  const create = async (body: object): Promise<ReplayDetail> => {
    const answer = await post('/replays', { source: 'anomalies', ...body });
    expect(answer.status).toBe(202);
    return answer.body;
  };
  const show = async (id: string): Promise<ReplayDetail> => (await http.get(`/replays/${id}`)).body;
  const ended = ({ id }: ReplayDetail): Promise<ReplayDetail> =>
    waitFor('the replay to end', async () => {
      const replay = await show(id);
      return /planned|running/.test(replay.status) ? null : replay;
    });
  const problem = (code: string, field?: string) =>
    expect.objectContaining({
      code,
      ...(field && { errors: [expect.objectContaining({ field }) as unknown] }),
    }) as unknown;

  it('apply a patch to each event, and count what passes', async () => {
    await addAnomaly(database.dataSource, BROKEN);
    await addAnomaly(database.dataSource, { ...BROKEN, msisdn: '' });
    await addAnomaly(database.dataSource, '[]');
    await addAnomaly(
      database.dataSource,
      { ...GOOD_EVENT, event_type: 'fax' },
      { reason: 'unknown_event_type' },
    );
    const replay = await create({
      filter: { reason: 'invalid_amount' },
      patch: { amount: 2.5, uration_seconds: null },
    });
    expect(replay).toMatchObject({
      status: 'planned',
      total: 3,
      applied: 0,
      requestedBy: 'operator',
      ratePerSecond: 200,
    });
    expect(await ended(replay)).toMatchObject({
      status: 'succeeded',
      total: 3,
      applied: 1,
      rejected: 2,
      byReason: { missing_msisdn: 1, malformed_json: 1 },
      error: null,
      changes: [
        {
          metricType: 'event_type_agg',
          metricKey: 'balance_recharge',
          windowStart: '2025-11-08T22:30:00Z',
          before: 0,
          after: 2.5,
        },
        {
          metricType: 'region_agg',
          metricKey: 'Almaty',
          windowStart: '2025-11-08T22:30:00Z',
          before: 0,
          after: 1,
        },
      ],
    });
    expect(await windows()).toEqual([
      'event_type_agg balance_recharge 11-08 22:30: 1 (1) 2.5',
      'region_agg Almaty 11-08 22:30: 1 (1) 1',
    ]);
    const states: { status: string; attempts: number }[] = await database.dataSource.query(
      'SELECT status, attempts FROM anomalies ORDER BY id',
    );
    expect(states).toEqual([
      { status: 'replayed', attempts: 1 },
      { status: 'new', attempts: 1 },
      { status: 'new', attempts: 1 },
      { status: 'new', attempts: 0 },
    ]);
    const [history]: { actor: string }[] = await database.dataSource.query(
      'SELECT actor FROM anomaly_history',
    );
    expect(history!.actor).toBe(`replay ${replay.id}`);
  });

  it('tell in a dry run what they would do, and store nothing', async () => {
    await addMany(2_500, BROKEN, 500);
    await database.dataSource.query(
      `INSERT INTO real_time_metrics (metric_type, metric_key, window_start, window_end, event_count, metric_value)
       VALUES ('region_agg', 'Almaty', '2025-11-08T22:30:00Z', '2025-11-08T22:40:00Z', 7, 7)`,
    );
    const before = await windows();
    const dry = await ended(await create({ patch: { amount: 1 }, dryRun: true }));
    expect(dry).toMatchObject({
      status: 'succeeded',
      dryRun: true,
      total: 2_500,
      applied: 2_000,
      rejected: 500,
      byReason: { malformed_json: 500 },
    });
    expect(dry.changes).toEqual([
      {
        metricType: 'event_type_agg',
        metricKey: 'balance_recharge',
        windowStart: '2025-11-08T22:30:00Z',
        before: 0,
        after: 2_000,
      },
      {
        metricType: 'region_agg',
        metricKey: 'Almaty',
        windowStart: '2025-11-08T22:30:00Z',
        before: 7,
        after: 2_007,
      },
    ]);
    expect(await windows()).toEqual(before);
    expect(
      await database.dataSource.query(`SELECT id FROM anomalies WHERE status <> 'new' OR attempts > 0`),
    ).toEqual([]);
    const real = await ended(await create({ patch: { amount: 1 }, force: true, ratePerSecond: 0 }));
    expect({ ...real, id: '', dryRun: true }).toMatchObject({
      applied: dry.applied,
      rejected: dry.rejected,
      byReason: dry.byReason,
      changes: dry.changes,
    });
  });

  it('remember the first 1000 windows of many', async () => {
    await database.dataSource.query(
      `INSERT INTO anomalies (reason, detail, raw, topic, partition, incarnation, "offset", record_timestamp)
       SELECT 'late_event', '', convert_to(json_build_object('msisdn', '1', 'event_type', 'sms', 'region', 'region ' || n,
                'timestamp', to_char(timestamp '2025-11-08 00:00' + n * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))::text, 'UTF8'),
              't', 0, 1, n, now()
         FROM generate_series(1, 3000) AS n`,
    );
    const dry = await ended(await create({ dryRun: true }));
    const real = await ended(await create({ ratePerSecond: 0 }));
    expect(dry.changes).toHaveLength(1000);
    expect(real.changes).toHaveLength(1000);
    expect(dry.changes[999]!.windowStart).toBe('2025-11-08T00:10:00Z');
  });

  it('take the anomalies of their filter that are there when they are made', async () => {
    const ids = [];
    for (const createdAt of ['2025-11-08T10:00:00Z', '2025-11-08T11:00:00Z', '2025-11-08T12:00:00Z'])
      ids.push(await addAnomaly(database.dataSource, GOOD_EVENT, { createdAt }));
    const range = await ended(
      await create({ filter: { from: '2025-11-08T11:00:00Z', to: '2025-11-08T12:00:00Z' } }),
    );
    expect(range).toMatchObject({ total: 1, applied: 1 });
    const rest = await create({ filter: { ids } });
    await addAnomaly(database.dataSource, GOOD_EVENT, { createdAt: '2025-11-08T11:30:00Z' });
    expect(await ended(rest)).toMatchObject({ total: 2, applied: 2 });
    const states: { status: string }[] = await database.dataSource.query(
      'SELECT status FROM anomalies ORDER BY id',
    );
    expect(states.map(({ status }) => status)).toEqual(['replayed', 'replayed', 'replayed', 'new']);
  });

  it('stop after a hundred when less than 95 of them are applied', async () => {
    await addMany(300, BROKEN, 6);
    const stopped = await ended(await create({ patch: { amount: 1 }, ratePerSecond: 0 }));
    expect(stopped).toMatchObject({
      status: 'failed',
      applied: 94,
      rejected: 6,
      byReason: { malformed_json: 6 },
    });
    expect(stopped.error).toContain('94 of the first 100');
    const forced = await ended(await create({ patch: { amount: 1 }, ratePerSecond: 0, force: true }));
    expect(forced).toMatchObject({ status: 'succeeded', total: 206, applied: 200, rejected: 6 });
  });

  it('go on after a hundred when 95 of them are applied', async () => {
    await addMany(300, BROKEN, 5);
    const replay = await ended(await create({ patch: { amount: 1 }, ratePerSecond: 0 }));
    expect(replay).toMatchObject({ status: 'succeeded', applied: 295, rejected: 5 });
  });

  it('keep to their rate, also when two replicas work on them', async () => {
    const other = await another();
    try {
      await addMany(600);
      const startedAt = Date.now();
      const replay = await ended(await create({ patch: { amount: 1 }, ratePerSecond: 200 }));
      // A burst of a second is allowed for.
      expect(Date.now() - startedAt).toBeGreaterThan(1_900);
      expect(replay).toMatchObject({ applied: 600 });
      expect((await windows())[1]).toBe('region_agg Almaty 11-08 22:30: 600 (600) 600');
    } finally {
      await other.close();
    }
  });

  it('count each anomaly once, also when it is in three at the same time and somebody clicks on it', async () => {
    await addMany(500);
    const [first]: { id: string }[] = await database.dataSource.query('SELECT min(id) AS id FROM anomalies');
    const jobs = await Promise.all(
      [1, 2, 3].map((amount) => create({ patch: { amount }, ratePerSecond: 0 })),
    );
    await post(`/anomalies/${first!.id}/replay`, { event: GOOD_EVENT });
    const results = await Promise.all(jobs.map(ended));
    const [clicked]: { click: number }[] = await database.dataSource.query(
      `SELECT count(*)::integer AS click FROM anomaly_history WHERE actor = 'operator' AND outcome = 'applied'`,
    );
    expect(results.reduce((sum, { applied }) => sum + applied, clicked!.click)).toBe(500);
    expect((await windows())[1]).toBe('region_agg Almaty 11-08 22:30: 500 (500) 500');
  });

  it('can be cancelled, and keep what they have applied', async () => {
    await addMany(1_000);
    const replay = await create({ patch: { amount: 1 }, ratePerSecond: 20 });
    await waitFor('some to be applied', async () => (await show(replay.id)).applied > 0);
    const cancelled = await post(`/replays/${replay.id}/cancel`);
    expect([cancelled.status, cancelled.body]).toEqual([
      200,
      expect.objectContaining({ status: 'cancelled' }),
    ]);
    const { applied } = await show(replay.id);
    expect((await windows())[1]).toBe(`region_agg Almaty 11-08 22:30: ${applied} (${applied}) ${applied}`);
    const again = await post(`/replays/${replay.id}/cancel`);
    expect([again.status, again.body]).toEqual([409, problem('replay_ended')]);
  });

  it('go on where they were after a restart', async () => {
    await addMany(400);
    const { id } = await create({ patch: { amount: 1 }, ratePerSecond: 100 });
    await waitFor('some to be applied', async () => (await show(id)).applied > 0);
    await restart();
    expect(await ended(await show(id))).toMatchObject({ status: 'succeeded', applied: 400 });
    expect((await windows())[1]).toBe('region_agg Almaty 11-08 22:30: 400 (400) 400');
  });

  it('get over an event that can be read but not written', async () => {
    const deep = `{"msisdn":"1","event_type":"sms","timestamp":"2025-11-08T22:31:12Z","amount":"x","n":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    await addAnomaly(database.dataSource, deep);
    await addAnomaly(
      database.dataSource,
      `{"hasOwnProperty":1,"__proto__":{"amount":3},"msisdn":"1","event_type":"sms","timestamp":"2025-11-08T22:31:12Z"}`,
    );
    const replay = await ended(await create({ patch: { amount: null } }));
    expect(replay).toMatchObject({
      status: 'succeeded',
      applied: 1,
      rejected: 1,
      byReason: { invalid_amount: 1 },
    });
  });

  it('are listed, newest first, a page at a time', async () => {
    await addMany(3);
    for (let job = 0; job < 3; job++) await ended(await create({ dryRun: true }));
    const first = (await http.get('/replays?limit=2')).body as {
      items: { id: string }[];
      nextCursor: string;
    };
    const second = (await http.get(`/replays?limit=2&cursor=${first.nextCursor}`)).body as typeof first;
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(['3', '2', '1']);
    expect((await http.get('/replays?status=cancelled')).body).toEqual({ items: [], nextCursor: null });
    expect((await http.get('/replays?format=csv')).text.split('\n')[0]).toContain('id,source,status,dryRun');
  });

  describe('answer with an error', () => {
    it.each([
      [{}, 'source'],
      [{ source: 'magic' }, 'source'],
      [{ source: 'anomalies', patch: [] }, 'patch'],
      [{ source: 'anomalies', patch: 'x' }, 'patch'],
      [{ source: 'anomalies', patch: null }, 'patch'],
      [{ source: 'anomalies', filter: { ids: [] } }, 'filter.ids'],
      [{ source: 'anomalies', filter: { ids: ['x'] } }, 'filter.ids.0'],
      [{ source: 'anomalies', filter: { ids: ['999999'] } }, 'filter.ids'],
      [{ source: 'anomalies', filter: { reason: 'nonsense' } }, 'filter.reason'],
      [{ source: 'anomalies', filter: { from: '2025-11-09', to: '2025-11-08' } }, 'filter.to'],
      [{ source: 'anomalies', filter: { from: 'yesterday' } }, 'filter.from'],
      [{ source: 'anomalies', filter: { reasons: [] } }, 'filter.reasons'],
      [{ source: 'anomalies', ratePerSecond: -1 }, 'ratePerSecond'],
      [{ source: 'anomalies', ratePerSecond: 1.5 }, 'ratePerSecond'],
      [{ source: 'anomalies', dryRun: 'yes' }, 'dryRun'],
      [{ source: 'anomalies', speed: 3 }, 'speed'],
      [[], 'body'],
    ])('to %j', async (body, field) => {
      await addMany(1);
      const answer = await post('/replays', body);
      expect([answer.status, answer.body]).toEqual([400, problem('invalid_request', field)]);
    });

    it.each([
      ['{"__proto__":1}'],
      ['{"a":[{"__proto__":{"b":1}}]}'],
      ['{"duration_seconds":1e400}'],
      ['{"region":"a\\u0000b"}'],
      ['{"region":"\\ud800"}'],
      ['{"a\\u0000b":1}'],
      [`{"a":${'['.repeat(6_000)}${']'.repeat(6_000)}}`],
      [`${'{"a":'.repeat(6_000)}1${'}'.repeat(6_000)}`],
    ])('to a patch that would not be applied as it was meant: %.40s', async (patch) => {
      await addMany(1);
      const answer = await http.post('/replays', `{"source":"anomalies","patch":${patch}}`);
      expect([answer.status, answer.body]).toEqual([400, problem('invalid_request', 'patch')]);
    });

    it('when nothing meets the filter', async () => {
      const answer = await post('/replays', { source: 'anomalies', filter: { reason: 'too_late' } });
      expect([answer.status, answer.body]).toEqual([422, problem('nothing_to_replay')]);
    });

    it.each([
      ['GET', '/replays/77', 404, 'not_found'],
      ['POST', '/replays/77/cancel', 404, 'not_found'],
      ['GET', '/replays/x', 400, 'invalid_request'],
    ])('to %s %s', async (method, path, status, code) => {
      const answer = await (method === 'GET' ? http.get(path) : post(path));
      expect([answer.status, answer.body]).toEqual([status, problem(code)]);
    });
  });
});
