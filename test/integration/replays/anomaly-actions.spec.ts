import { addAnomaly, GOOD_EVENT } from '../../support/anomalies.js';
import { replayService } from '../../support/replay-service.js';

interface Detail {
  status: string;
  attempts: number;
  raw: string | null;
  history: { actor: string; action: string; outcome: string; detail: string | null }[];
}

describe('an anomaly', () => {
  const { database, http, post, another, windows } = replayService();
  const detail = async (id: string): Promise<Detail> => (await http.get(`/anomalies/${id}`)).body;
  const add = (record: Parameters<typeof addAnomaly>[1], options?: Parameters<typeof addAnomaly>[2]) =>
    addAnomaly(database.dataSource, record, options);
  const ONCE = [
    'event_type_agg balance_recharge 11-08 22:30: 1 (1) 100.25',
    'region_agg Almaty 11-08 22:30: 1 (1) 1',
  ];
  const counters = async (): Promise<unknown> =>
    database.dataSource.query(`SELECT topic, partition, applied, rejected, discarded FROM replay_counters`);

  describe('that is replayed', () => {
    it('with a corrected event counts in its windows, as an amendment', async () => {
      const id = await add({ ...GOOD_EVENT, amount: 'a lot' });
      const answer = await post(`/anomalies/${id}/replay`, { event: GOOD_EVENT });
      expect([answer.status, answer.body]).toEqual([200, { id, outcome: 'applied' }]);
      expect(await windows()).toEqual(ONCE);
      expect(await detail(id)).toMatchObject({
        status: 'replayed',
        attempts: 1,
        raw: JSON.stringify({ ...GOOD_EVENT, amount: 'a lot' }),
        history: [
          { actor: 'pipeline', action: 'set_aside', outcome: 'invalid_amount' },
          { actor: 'operator', action: 'replay', outcome: 'applied', detail: 'with a corrected event' },
        ],
      });
      const [kept]: { event: Buffer; time: Date }[] = await database.dataSource.query(
        `SELECT applied_event AS event, applied_event_time AS time FROM anomalies`,
      );
      expect(JSON.parse(String(kept!.event))).toEqual(GOOD_EVENT);
      expect(kept!.time.toISOString()).toBe('2025-11-08T22:31:12.500Z');
    });

    it('as it is counts when the rules of today accept it', async () => {
      const id = await add(GOOD_EVENT, { reason: 'too_late' });
      expect((await post(`/anomalies/${id}/replay`)).body).toEqual({ id, outcome: 'applied' });
      expect(await windows()).toEqual(ONCE);
    });

    it.each([
      ['too_late', 200],
      ['late_event', 200],
    ])('although it was %s counts, late as it is', async (reason, status) => {
      const id = await add(GOOD_EVENT, { reason });
      expect((await post(`/anomalies/${id}/replay`, {})).status).toBe(status);
      expect(await windows()).toEqual(ONCE);
    });

    it('adds to what the windows hold already', async () => {
      for (const count of [1, 2, 3]) {
        const id = await add(GOOD_EVENT);
        await post(`/anomalies/${id}/replay`);
        expect((await windows())[1]).toBe(`region_agg Almaty 11-08 22:30: ${count} (${count}) ${count}`);
      }
      expect(await counters()).toEqual([
        { topic: 'telecom_events', partition: 0, applied: '3', rejected: '0', discarded: '0' },
      ]);
    });

    it('makes a built day stale', async () => {
      await http.post('/batch/run', '{"date":"2025-11-08"}');
      const id = await add(GOOD_EVENT);
      await post(`/anomalies/${id}/replay`);
      expect((await http.get('/batch/schedule')).body).toMatchObject({ staleDates: ['2025-11-08'] });
    });

    it.each([
      ['a tombstone', null, 'malformed_json'],
      ['no JSON', '{"a', 'malformed_json'],
      ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'malformed_json'],
      ['too large', `${' '.repeat(1_048_576)}{}`, 'oversized'],
      ['without msisdn', { ...GOOD_EVENT, msisdn: null }, 'missing_msisdn'],
      ['of the future', { ...GOOD_EVENT, timestamp: '2025-11-08T22:36:14Z' }, 'future_timestamp'],
    ])('and is still %s is rejected again, stays, and tells why', async (_, record, reason) => {
      const id = await add(record);
      const { status, body } = await post(`/anomalies/${id}/replay`);
      expect([status, body]).toEqual([
        200,
        { id, outcome: 'rejected', reason, detail: expect.any(String) as string },
      ]);
      await post(`/anomalies/${id}/replay`);
      const { status: state, attempts, history } = await detail(id);
      expect({ state, attempts }).toEqual({ state: 'new', attempts: 2 });
      expect(history.slice(1)).toEqual(
        [1, 2].map(() => expect.objectContaining({ action: 'replay', outcome: reason }) as unknown),
      );
      expect(await windows()).toEqual([]);
    });

    it('counts once, however often and at the same time somebody clicks, in two replicas', async () => {
      const other = await another();
      try {
        const id = await add(GOOD_EVENT);
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, click) =>
            (click % 2 ? http : other).post(`/anomalies/${id}/replay`, undefined, {}),
          ),
        );
        expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(409)]);
        expect(await windows()).toEqual(ONCE);
        expect((await detail(id)).attempts).toBe(1);
      } finally {
        await other.close();
      }
    });

    it('counts once or not at all when its connection is cut in the middle', async () => {
      await database.dataSource.query(`
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$`);
      for (const table of ['real_time_metrics', 'anomaly_history'])
        await database.dataSource.query(
          `CREATE TRIGGER dawdle AFTER INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION dawdle()`,
        );
      let applied = 0;
      for (let cut = 0; cut < 10; cut++) {
        const id = await add(GOOD_EVENT);
        const answer = post(`/anomalies/${id}/replay`);
        await database.dataSource.query(`SELECT pg_sleep($1)`, [cut * 0.02]);
        await database.dataSource.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
        const { status } = await answer;
        expect([200, 503]).toContain(status);
        const [now]: { replayed: number; counted: number; told: number }[] = await database.dataSource.query(
          `SELECT (SELECT count(*) FROM anomalies WHERE status = 'replayed')::integer AS replayed,
                  (SELECT coalesce(sum(event_count), 0) FROM real_time_metrics WHERE metric_type = 'region_agg')::integer AS counted,
                  (SELECT count(*) FROM anomaly_history)::integer AS told`,
        );
        expect(now).toEqual({ replayed: now!.replayed, counted: now!.replayed, told: now!.replayed });
        applied = now!.replayed;
      }
      expect(applied).toBeLessThan(10);
    });

    it.each([
      [`{"a":${'['.repeat(6_000)}${']'.repeat(6_000)}}`],
      ['{"duration_seconds":1e400}'],
      ['{"__proto__":1}'],
    ])('by an event that cannot be written as it was meant is a mistake: %.30s', async (event) => {
      const id = await add(GOOD_EVENT);
      const answer = await http.post(`/anomalies/${id}/replay`, `{"event":${event}}`);
      expect([answer.status, answer.body]).toEqual([
        400,
        expect.objectContaining({
          code: 'invalid_request',
          errors: [expect.objectContaining({ field: 'event' })],
        }),
      ]);
    });

    it.each([
      [{ event: 'text' }, 'event'],
      [{ event: [GOOD_EVENT] }, 'event'],
      [{ event: null }, 'event'],
      [{ evnt: GOOD_EVENT }, 'evnt'],
      [[], 'body'],
    ])('by a body like %j is a mistake', async (body, field) => {
      const id = await add(GOOD_EVENT);
      const answer = await post(`/anomalies/${id}/replay`, body);
      expect([answer.status, answer.body]).toEqual([
        400,
        expect.objectContaining({ code: 'invalid_request', errors: [expect.objectContaining({ field })] }),
      ]);
      expect((await detail(id)).attempts).toBe(0);
    });
  });

  it('that is discarded keeps its bytes, and its history says why', async () => {
    const id = await add(GOOD_EVENT);
    const answer = await post(`/anomalies/${id}/discard`, { note: 'test traffic' });
    expect([answer.status, answer.body]).toEqual([200, { id, status: 'discarded' }]);
    expect(await detail(id)).toMatchObject({
      status: 'discarded',
      attempts: 0,
      raw: JSON.stringify(GOOD_EVENT),
      history: [
        { action: 'set_aside' },
        { actor: 'operator', action: 'discard', outcome: 'discarded', detail: 'test traffic' },
      ],
    });
    expect(await windows()).toEqual([]);
  });

  it.each(['replay', 'discard'])('that is discarded or replayed cannot %s again', async (action) => {
    const [gone, counted] = [await add(GOOD_EVENT), await add(GOOD_EVENT)];
    await post(`/anomalies/${gone}/discard`);
    await post(`/anomalies/${counted}/replay`);
    for (const [id, code] of [
      [gone, 'anomaly_discarded'],
      [counted, 'anomaly_replayed'],
    ] as const) {
      const { status, body } = await post(`/anomalies/${id}/${action}`);
      expect([status, body]).toEqual([409, expect.objectContaining({ code })]);
    }
    expect(await windows()).toEqual(ONCE);
  });

  it.each([
    ['/anomalies/999999/replay', 404, 'not_found'],
    ['/anomalies/999999/discard', 404, 'not_found'],
    ['/anomalies/abc/replay', 400, 'invalid_request'],
    ['/anomalies/0/discard', 400, 'invalid_request'],
    ['/anomalies/9223372036854775808/replay', 400, 'invalid_request'],
  ])('%s answers %d', async (path, status, code) => {
    const answer = await post(path);
    expect([answer.status, answer.body]).toEqual([status, expect.objectContaining({ code })]);
  });
});
