import type { ReplayDetail } from '../../../src/replays/replays.schemas.js';
import { RetentionRepository } from '../../../src/daily-stats/retention.repository.js';
import { parseDay } from '../../../src/aggregation/core/day.js';
import { LogApp, type JsonAnswer, type TestRecord } from '../../support/log-app.js';
import { waitFor } from '../../support/service.js';

const at = (time: string): number => Date.parse(`2025-11-08T${time}Z`);
const EVENT = { msisdn: '77011234567', region: 'Almaty', event_type: 'balance_recharge', amount: 1.25 };
/** Written as it happens. */
const event = (time: string, fields: object = {}): TestRecord => ({
  value: JSON.stringify({ ...EVENT, timestamp: `2025-11-08T${time}Z`, ...fields }),
  writtenAt: at(time),
});
/** Every two minutes from 22:20 on, up to 23:18; in two regions and of two types. */
const anHour = (): TestRecord[] =>
  Array.from({ length: 30 }, (_, step) => {
    const time = new Date(at('22:20:00') + step * 120_000).toISOString().slice(11, 19);
    return event(time, {
      region: step % 2 ? 'Almaty' : 'Astana',
      ...(step % 3 === 0 && { event_type: 'sms', amount: null }),
    });
  });
const RANGE = { from: '2025-11-08T22:00:00Z', to: '2025-11-08T23:30:00Z' };
/** Advisory locks of the service. */
const REBUILD_LOCK = '7401021';
const jobLock = (id: string): string => `7401020, ${id}`;

describe('windows made anew from the log', () => {
  const service = new LogApp();
  const { sql } = service;
  beforeEach(() => service.start());
  afterEach(() => service.stop());

  const retention = () => service.get(RetentionRepository);
  const post = (path: string, body?: unknown): Promise<JsonAnswer> => service.ask('POST', path, body);
  const show = async (id: string): Promise<ReplayDetail> =>
    (await service.ask('GET', `/replays/${id}`)).body as ReplayDetail;
  const ended = ({ id }: { id: string }): Promise<ReplayDetail> =>
    waitFor(`replay ${id} to end`, async () => {
      const replay = await show(id);
      return /planned|running/.test(replay.status) ? null : replay;
    });
  async function create(body: object = {}): Promise<ReplayDetail> {
    const answer = await post('/replays', { source: 'log', ...RANGE, ...body });
    expect(answer).toMatchObject({ status: 202 });
    return answer.body as ReplayDetail;
  }
  async function rebuild(body: object = {}): Promise<ReplayDetail> {
    const replay = await ended(await create(body));
    expect(replay).toMatchObject({ status: 'succeeded', error: null });
    return replay;
  }
  const problem = (status: number, code: string, field?: string): unknown => ({
    status,
    body: expect.objectContaining({
      code,
      ...(field && { errors: [expect.objectContaining({ field })] as unknown }),
    }) as unknown,
  });

  /** Whole rows, and the transactions that have written them. */
  const rows = (where = 'true'): Promise<Record<string, unknown>[]> =>
    sql(
      `SELECT xmin::text, * FROM real_time_metrics WHERE ${where} ORDER BY metric_type, metric_key, window_start`,
    );
  const corrupt = (where = 'true'): Promise<unknown> =>
    sql(
      `UPDATE real_time_metrics SET event_count = event_count + 7, sum_micros = 5, metric_value = 12345 WHERE ${where}`,
    );
  const expectTheTruth = async (): Promise<void> => {
    expect(await service.storedWindows()).toEqual(await service.expectedWindows());
  };
  const anomalies = (): Promise<{ id: string; offset: string; reason: string; status: string }[]> =>
    sql(`SELECT id, "offset", reason, status, attempts FROM anomalies ORDER BY "offset"`);
  const history = (): Promise<unknown[]> =>
    sql(`SELECT anomaly_id, actor, action, outcome, detail FROM anomaly_history ORDER BY id`);
  /** An anomaly for a record of the log that was counted, as if it had been set aside. */
  const setAside = async (offset: number, status = 'new'): Promise<string> => {
    const [row] = await sql<{ id: string }>(
      `INSERT INTO anomalies (reason, detail, raw, topic, partition, incarnation, "offset", record_timestamp, status)
       SELECT 'late_event', '', payload, 'event_log', 0, 1, "offset", appended_at, $2 FROM event_log WHERE "offset" = $1 RETURNING id`,
      [offset, status],
    );
    return row!.id;
  };
  /** Everything that is stored, but jobs and what a service says of itself. */
  async function everything(): Promise<Record<string, unknown[]>> {
    const tables = await sql<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'
          AND tablename NOT IN ('replays', 'replay_changes', 'batch_leader') ORDER BY 1`,
    );
    const content: Record<string, unknown[]> = {};
    for (const { name } of tables)
      content[name] = await sql(
        `SELECT to_jsonb(t) - '{seen_at,caught_up_since,events_per_second,high_watermark,recent_events,recent_invalid,recent_reason}'::text[] AS row
           FROM ${name} AS t ORDER BY 1`,
      );
    return content;
  }
  /** Holds an advisory lock meanwhile, in a session of its own. */
  async function whileLocked(key: string, work: () => Promise<void>): Promise<void> {
    const session = service.database.dataSource.createQueryRunner();
    try {
      await session.query(`SELECT pg_advisory_lock(${key})`);
      await work();
    } finally {
      await session.query(`SELECT pg_advisory_unlock(${key})`);
      await session.release();
    }
  }
  /** Holds the locks of a statement meanwhile. */
  async function whileHolding(statement: string, work: () => Promise<void>): Promise<void> {
    const session = service.database.dataSource.createQueryRunner();
    await session.startTransaction();
    try {
      await session.query(statement);
      await work();
    } finally {
      await session.rollbackTransaction();
      await session.release();
    }
  }
  /** Waits until this many backends wait for locks. */
  const blocked = (count: number): Promise<unknown> =>
    waitFor(`${count} to wait for locks`, async () => {
      const waiting = await sql(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length >= count;
    });
  const waitingFor = (key: string): Promise<unknown> =>
    waitFor('somebody to wait for the lock', async () => {
      const waiting = await sql(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted`,
        [key],
      );
      return waiting.length > 0;
    });

  describe('are refused for', () => {
    const { from, to } = RANGE;
    it.each<[object, string]>([
      [{ source: 'log', from: to, to: from }, 'to'],
      [{ source: 'log', from, to: from }, 'to'],
      [{ source: 'log', from: '2025-11-08', to: '2025-11-07' }, 'to'],
      [{ source: 'log', from }, 'to'],
      [{ source: 'log', to }, 'from'],
      [{ source: 'log', from: null, to }, 'from'],
      [{ source: 'log', from: 'yesterday', to }, 'from'],
      [{ source: 'log', from: 5, to }, 'from'],
      [{ source: 'log', from, to, patch: { amount: 1 } }, 'patch'],
      [{ source: 'log', from, to, filter: {} }, 'filter'],
      [{ source: 'log', from, to, ratePerSecond: 5 }, 'ratePerSecond'],
      [{ source: 'log', from, to, force: true }, 'force'],
      [{ source: 'log', from, to, dryRun: 'yes' }, 'dryRun'],
      [{ source: 'log', filter: { from, to }, from, to }, 'filter'],
      [{ source: 'anomalies', from, to }, 'from'],
      [{ from, to }, 'source'],
      [{ source: 'kafka', from, to }, 'source'],
      [{ source: null, from, to }, 'source'],
      [[], 'body'],
    ])('a body like %j', async (body, field) => {
      const answer = await post('/replays', body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
      const { errors } = answer.body as { errors: { field: string }[] };
      expect(errors.map((error) => error.field)).toContain(field);
      expect(await sql('SELECT FROM replays')).toEqual([]);
    });

    it('a body without from and to, naming both', async () => {
      const { body } = await post('/replays', { source: 'log' });
      expect(body).toMatchObject({ errors: [{ field: 'from' }, { field: 'to' }] });
    });

    it.each([
      ['22:31:00', '22:39:00'],
      ['22:35:00.001', '22:44:59.999'],
      ['22:35:00.000001', '22:44:59.999999'],
      ['22:35:00.000001', '22:40:00'],
    ])('a range from %s to %s, without a whole window', async (start, end) => {
      const body = { source: 'log', from: `2025-11-08T${start}Z`, to: `2025-11-08T${end}Z` };
      expect(await post('/replays', body)).toEqual(problem(400, 'invalid_request', 'to'));
    });

    it('a text, and a cancellation that comes too late', async () => {
      expect(await post('/replays', 'log')).toEqual(problem(400, 'invalid_request', 'body'));
      await service.append(anHour());
      const { id } = await rebuild();
      expect(await post(`/replays/${id}/cancel`)).toEqual(problem(409, 'replay_ended'));
    });
  });

  describe('lie in the range wholly', () => {
    it('and their neighbours stay as they are', async () => {
      await service.append(anHour());
      const sound = await rows();
      await corrupt();
      const corrupted = await rows();
      const { changes } = await rebuild({ from: '2025-11-08T22:33:00Z', to: '2025-11-08T22:58:00Z' });

      const inRange = (row: Record<string, unknown>): boolean => {
        const time = (row.window_start as Date).toISOString().slice(11, 16);
        return row.metric_type === 'region_agg'
          ? time === '22:40'
          : ['22:35', '22:40', '22:45', '22:50'].includes(time);
      };
      const now = await rows();
      expect(now.filter((row) => !inRange(row))).toEqual(corrupted.filter((row) => !inRange(row)));
      const told = (row: Record<string, unknown>): unknown => ({ ...row, xmin: null, updated_at: null });
      expect(now.filter(inRange).map(told)).toEqual(sound.filter(inRange).map(told));
      expect(changes).toHaveLength(sound.filter(inRange).length);
      expect(sound.filter(inRange).length).toBeGreaterThan(5);
    });

    it('and those that were right are not even touched', async () => {
      await service.append(anHour());
      await corrupt(`metric_key = 'Almaty' AND window_start = '2025-11-08T22:40:00Z'`);
      await sql(
        `DELETE FROM real_time_metrics WHERE metric_key = 'sms' AND window_start = '2025-11-08T22:50:00Z'`,
      );
      await sql(`INSERT INTO real_time_metrics (metric_type, metric_key, window_start, window_end, metric_value, event_count)
                 VALUES ('region_agg', 'Nowhere', '2025-11-08T22:30:00Z', '2025-11-08T22:40:00Z', 5, 5)`);
      const before = await rows();
      const { changes } = await rebuild();
      expect(changes.map(({ metricKey, before, after }) => [metricKey, before, after])).toEqual([
        ['Nowhere', 5, 0],
        ['Almaty', 12345, 2],
        ['sms', 0, 1],
      ]);
      // By xmin a row shows that was written anew as it was before.
      const same = new Set(before.map((row) => JSON.stringify(row)));
      const written = (await rows()).filter((row) => !same.has(JSON.stringify(row)));
      expect(written.map((row) => row.metric_key)).toEqual(['sms', 'Almaty']);
      await expectTheTruth();
    });

    it('and are read from where the log comes near the range', async () => {
      await service.append(anHour());
      // Written from 22:30 on: ten minutes before the range, and as many in which an id is known.
      expect(await rebuild({ from: '2025-11-08T22:50:00Z' })).toMatchObject({
        recordsRead: 25,
        total: 25,
        changes: [],
      });
      await expectTheTruth();
    });

    it('and count no repeat again, also of events that came before the range', async () => {
      const hour = anHour().map(({ value, ...record }, minute) => ({
        ...record,
        value: JSON.stringify({ ...(JSON.parse(value!) as object), event_id: `id ${minute % 4}` }),
      }));
      await service.append(hour);
      expect(await rebuild({ from: '2025-11-08T22:50:00Z' })).toMatchObject({ changes: [] });
      await expectTheTruth();
      const [row] = await sql<{ duplicates: string }>(`SELECT duplicates FROM ingest_partitions`);
      expect(Number(row!.duplicates)).toBe(hour.length - 4);
    });

    it('and count nothing when the log has nothing for them', async () => {
      await service.append(anHour());
      const before = await everything();
      expect(await rebuild({ from: '2025-11-09T12:00:00Z', to: '2025-11-09T13:00:00Z' })).toMatchObject({
        recordsRead: 0,
        applied: 0,
        changes: [],
      });
      expect(await everything()).toEqual(before);
    });
  });

  describe('and the anomalies of the range:', () => {
    const LATE = [
      event('22:45:00'),
      event('22:21:00'),
      event('22:22:00', { region: 'Astana' }),
      event('22:46:00'),
    ].map((record) => ({ ...record, writtenAt: at('22:45:00') }));

    it('late events that were diverted are replayed, once, when late events count today', async () => {
      await service.restart({ LATE_EVENTS: 'divert' });
      await service.append(LATE);
      expect(await anomalies()).toMatchObject([
        { offset: '1', reason: 'late_event', status: 'new' },
        { offset: '2', reason: 'late_event', status: 'new' },
      ]);
      await expectTheTruth();
      expect((await rebuild()).changes).toEqual([]);
      await service.restart();

      const replay = await rebuild();
      expect(replay).toMatchObject({ applied: 4, rejected: 0, byReason: {}, recordsRead: 4 });
      expect(replay.changes.map(({ metricKey, before, after }) => [metricKey, before, after])).toEqual([
        ['balance_recharge', 0, 2.5],
        ['Almaty', 0, 1],
        ['Astana', 0, 1],
      ]);
      expect(await service.storedWindows()).toContain(
        'event_type_agg balance_recharge 11-08 22:20 300 2 2 2500000',
      );
      await expectTheTruth();
      const stored = await anomalies();
      expect(stored).toMatchObject([
        { status: 'replayed', attempts: 1 },
        { status: 'replayed', attempts: 1 },
      ]);
      const told = stored.map(({ id }) => ({
        ...{ anomaly_id: id, actor: `replay ${replay.id}` },
        ...{ action: 'replay', outcome: 'applied', detail: null },
      }));
      expect(await history()).toEqual(told);
      expect(await sql(`SELECT applied, rejected, discarded FROM replay_counters`)).toEqual([
        { applied: '2', rejected: '0', discarded: '0' },
      ]);

      const done = await everything();
      expect((await rebuild()).changes).toEqual([]);
      expect(await everything()).toEqual(done);
    });

    it('records that were too large are replayed when larger ones are taken today', async () => {
      await service.restart({ MAX_EVENT_BYTES: '256' });
      await service.append([...anHour(), event('22:41:00', { padding: 'x'.repeat(300) })]);
      expect(await anomalies()).toMatchObject([{ offset: '30', reason: 'oversized', status: 'new' }]);
      await service.restart();
      expect((await rebuild()).changes).toHaveLength(2);
      expect(await anomalies()).toMatchObject([{ status: 'replayed' }]);
      await expectTheTruth();
    });

    it('what is rejected still stays as it is', async () => {
      await service.append([
        ...anHour(),
        event('22:41:00', { event_type: 'fax' }),
        { value: '{', writtenAt: at('22:41:00') },
      ]);
      const before = await everything();
      expect(await rebuild()).toMatchObject({
        rejected: 2,
        byReason: { unknown_event_type: 1, malformed_json: 1 },
        changes: [],
      });
      expect(await everything()).toEqual(before);
    });

    it('a record that was counted and set aside counts once, as an amendment', async () => {
      await service.append(anHour());
      await setAside(10);
      await rebuild();
      const windows = await service.storedWindows();
      expect(windows).toContain('event_type_agg balance_recharge 11-08 22:40 300 2 1 2500000');
      await expectTheTruth();
      expect((await rebuild()).changes).toEqual([]);
    });

    it('one that was discarded does not count, whatever its record', async () => {
      await service.append([...anHour(), event('22:41:00', { amount: 'a lot' })]);
      await setAside(10);
      for (const { id } of await anomalies())
        expect(await post(`/anomalies/${id}/discard`)).toMatchObject({ status: 200 });
      await rebuild();
      expect(await service.storedWindows()).toContain(
        'event_type_agg balance_recharge 11-08 22:40 300 1 0 1250000',
      );
      await expectTheTruth();
      expect((await anomalies()).map(({ status }) => status)).toEqual(['discarded', 'discarded']);
    });

    it.each([
      ['within it', '22:41:30', true],
      ['out of it', '23:11:30', false],
    ])('a correction that moves an event %s counts once, and is not lost', async (_, time, isInRange) => {
      await service.append([...anHour(), event('22:42:30', { amount: 'a lot' })]);
      const { id } = (await anomalies())[0]!;
      const corrected = { ...EVENT, region: 'Corrected', timestamp: `2025-11-08T${time}Z` };
      // Written at 22:42:30: a time that is further ahead than five minutes would be refused.
      await sql(`UPDATE anomalies SET record_timestamp = '2025-11-08T23:20:00Z'`);
      expect(await post(`/anomalies/${id}/replay`, { event: corrected })).toMatchObject({
        body: { outcome: 'applied' },
      });
      await expectTheTruth();
      const range = { from: '2025-11-08T22:40:00Z', to: '2025-11-08T23:00:00Z' };
      expect((await rebuild(range)).changes).toEqual([]);
      await corrupt(`window_start >= '${range.from}' AND window_end <= '${range.to}'`);
      const { changes } = await rebuild(range);
      expect(changes.some(({ metricKey }) => metricKey === 'Corrected')).toBe(isInRange);
      await expectTheTruth();
    });

    it('a correction that moves an event of another time into it counts once', async () => {
      await service.append([event('22:25:30', { amount: 'a lot' }), ...anHour()]);
      const { id } = (await anomalies())[0]!;
      await sql(`UPDATE anomalies SET record_timestamp = '2025-11-08T23:20:00Z'`);
      const corrected = { ...EVENT, timestamp: '2025-11-08T22:50:00Z' };
      await post(`/anomalies/${id}/replay`, { event: corrected });
      await corrupt();
      await rebuild();
      await expectTheTruth();
    });

    it('what one adds to windows outside of the range is added there', async () => {
      await service.append(anHour());
      const id = await setAside(15); // 22:50
      await sql(`UPDATE anomalies SET raw = convert_to($1, 'UTF8')`, [
        event('22:50:00', { region: 'Aktau' }).value,
      ]);
      await sql(`UPDATE event_log SET payload = convert_to($1, 'UTF8') WHERE "offset" = 15`, [
        event('22:50:00', { region: 'Aktau' }).value,
      ]);
      const range = { from: '2025-11-08T22:30:00Z', to: '2025-11-08T22:58:00Z' };
      const { changes } = await rebuild(range);
      expect(await anomalies()).toMatchObject([{ id, status: 'replayed' }]);
      // The window of its region, [22:50, 23:00), is not one of the range.
      expect(changes.some(({ metricKey }) => metricKey === 'Aktau')).toBe(false);
      expect(await service.storedWindows()).toContain('region_agg Aktau 11-08 22:50 600 1 1 0');
      expect((await rebuild(range)).changes).toEqual([]);
      expect(await service.storedWindows()).toContain('region_agg Aktau 11-08 22:50 600 1 1 0');
      await rebuild();
      await expectTheTruth();
    });

    it('those that are missing are made again, and none is there twice', async () => {
      await service.append([
        ...anHour(),
        event('22:41:00', { event_type: 'fax' }),
        event('22:42:00', { amount: 'a lot' }),
        { value: null, writtenAt: at('22:43:00') },
        event('23:40:00', { amount: 'a lot' }),
        { value: '{', writtenAt: at('23:41:00') },
      ]);
      const COLUMNS = `reason, detail, raw, event_data, topic, partition, incarnation, "offset", event_time, record_timestamp, status, attempts`;
      const content = (): Promise<unknown[]> => sql(`SELECT ${COLUMNS} FROM anomalies ORDER BY "offset"`);
      const all = await content();
      const kept = await sql<{ id: string }>(`SELECT id FROM anomalies WHERE "offset" = 31`);
      await sql(`DELETE FROM anomalies WHERE "offset" <> 31`);
      const replay = await rebuild();
      expect(replay).toMatchObject({
        changes: [],
        rejected: 3,
        byReason: { unknown_event_type: 1, invalid_amount: 1, malformed_json: 1 },
      });
      // The last two are of another time.
      expect(await content()).toEqual(all.slice(0, 3));
      expect(await sql(`SELECT id FROM anomalies WHERE "offset" = 31`)).toEqual(kept);
      await rebuild();
      expect(await content()).toEqual(all.slice(0, 3));
    });

    it('a record that is rejected by the rules of today no longer counts, and can be replayed', async () => {
      await service.append([...anHour(), event('22:41:00', { padding: 'x'.repeat(300) })]);
      await service.restart({ MAX_EVENT_BYTES: '256' });
      await rebuild();
      await expectTheTruth();
      expect(await anomalies()).toMatchObject([{ offset: '30', reason: 'oversized', status: 'new' }]);
      await service.restart();
      await rebuild();
      await expectTheTruth();
      expect(await anomalies()).toMatchObject([{ offset: '30', status: 'replayed' }]);
    });

    // 22:30                22:40                22:50
    //   |─ region window ────|─ region window ────|
    //   |  range [22:32,     22:41)               |
    it('an event that also counts outside of the range stays where it is counted, and becomes no anomaly', async () => {
      await service.append([
        event('22:59:00'),
        { ...event('22:33:00'), writtenAt: at('22:59:30') },
        { ...event('22:36:00'), writtenAt: at('22:59:31') },
      ]);
      await service.restart({ LATE_EVENTS: 'divert' });
      const before = await service.storedWindows();
      expect(await rebuild({ from: '2025-11-08T22:32:00Z', to: '2025-11-08T22:41:00Z' })).toMatchObject({
        changes: [],
      });
      expect([await service.storedWindows(), await anomalies()]).toEqual([before, []]);
    });

    it('a record that is too large by now goes by its event, not by when it was written', async () => {
      const large = event('22:31:00', { padding: 'x'.repeat(300) });
      await service.append([event('22:59:00'), { ...large, writtenAt: at('22:59:30') }]);
      await service.restart({ MAX_EVENT_BYTES: '256' });
      // Of the window in which it was written it is no part.
      await rebuild({ from: '2025-11-08T22:50:00Z', to: '2025-11-08T23:00:00Z' });
      expect(await anomalies()).toEqual([]);
      await rebuild({ from: '2025-11-08T22:30:00Z', to: '2025-11-08T22:40:00Z' });
      expect(await anomalies()).toMatchObject([{ offset: '1', reason: 'oversized', status: 'new' }]);
      await service.restart();
      const [tooLarge] = await anomalies();
      await service.ask('POST', `/anomalies/${tooLarge!.id}/replay`);
      await expectTheTruth();
    });
  });

  describe('make days stale', () => {
    const versions = async (): Promise<Record<string, number>> => {
      const days = await sql<{ day: string; version: number }>(
        `SELECT stat_date::text AS day, version::integer AS version FROM stat_days ORDER BY stat_date`,
      );
      return Object.fromEntries(days.map(({ day, version }) => [day, version]));
    };
    const DAYS = { from: '2025-11-08T00:00:00Z', to: '2025-11-10T00:00:00Z' };
    const nextDay = (): TestRecord => {
      const { value, writtenAt } = event('22:41:00');
      return { value: value!.replace('11-08T22', '11-09T10'), writtenAt: writtenAt + 12 * 3_600_000 };
    };

    it('that have changed, and no others', async () => {
      await service.append([...anHour(), nextDay()]);
      const before = await versions();
      expect(Object.keys(before)).toEqual(['2025-11-08', '2025-11-09']);
      await rebuild(DAYS);
      expect(await versions()).toEqual(before);
      await corrupt(`window_start >= '2025-11-09'`);
      await rebuild(DAYS);
      expect(await versions()).toEqual({ ...before, '2025-11-09': before['2025-11-09']! + 1 });
    });

    it('also when all that has changed is an anomaly', async () => {
      await service.append([...anHour(), nextDay(), event('22:41:00', { event_type: 'fax' })]);
      const before = await versions();
      await sql(`DELETE FROM anomalies`);
      await rebuild(DAYS);
      expect(await versions()).toEqual({ ...before, '2025-11-08': before['2025-11-08']! + 1 });
    });

    it('not in a dry run', async () => {
      await service.append(anHour());
      await corrupt();
      const before = await versions();
      await rebuild({ dryRun: true });
      expect(await versions()).toEqual(before);
    });
  });

  describe('are refused when something of them is gone:', () => {
    const refused = async (body: object, code: string): Promise<void> => {
      await corrupt();
      const before = await everything();
      for (const dryRun of [true, false])
        expect(await post('/replays', { source: 'log', ...RANGE, ...body, dryRun })).toEqual(
          problem(409, code),
        );
      expect(await sql('SELECT FROM replays')).toEqual([]);
      expect(await everything()).toEqual(before);
    };

    it('windows, after their retention', async () => {
      await service.append(anHour());
      const day = parseDay('2025-11-09')!;
      expect(await retention().expireMetrics(day)).toMatchObject({ day: '2025-11-08' });
      await refused({}, 'data_expired');
      // To the next day nothing has happened.
      await rebuild({ from: '2025-11-09T00:00:00Z', to: '2025-11-09T01:00:00Z' });
    });

    it('the end of the range is not a part of it', async () => {
      await service.append(anHour());
      await retention().expireMetrics(parseDay('2025-11-09')!);
      await refused({ from: '2025-11-08T23:55:00Z', to: '2025-11-09T01:00:00Z' }, 'data_expired');
      await rebuild({ from: '2025-11-07T23:00:00Z', to: '2025-11-08T00:00:00Z' });
    });

    it('anomalies, after theirs', async () => {
      await service.append([...anHour(), event('22:41:00', { amount: 'a lot' })]);
      await sql(`UPDATE anomalies SET created_at = '2025-11-08T23:00:00Z'`);
      const day = parseDay('2025-11-09')!;
      expect(await retention().expireAnomalies(day, day)).toBe(1);
      await refused({}, 'data_expired');
    });

    it('replayed anomalies that were set aside on another day than they count on', async () => {
      // Set aside on the 7th, by its record; corrected, it counts on the 8th.
      await service.append([{ value: '{', writtenAt: at('22:41:00') - 86_400_000 }, ...anHour()]);
      const { id } = (await anomalies())[0]!;
      await sql(`UPDATE anomalies SET created_at = '2025-11-07T23:00:00Z'`);
      await sql(`UPDATE anomalies SET record_timestamp = '2025-11-08T23:20:00Z'`);
      await post(`/anomalies/${id}/replay`, { event: { ...EVENT, timestamp: '2025-11-08T22:41:00Z' } });
      await sql(`UPDATE anomalies SET record_timestamp = '2025-11-07T22:41:00Z'`);
      const day = parseDay('2025-11-08')!;
      expect(await retention().expireAnomalies(day, day)).toBe(1);
      await refused({}, 'data_expired');
    });

    const trim = async (to: number): Promise<void> => {
      await sql(`DELETE FROM event_log WHERE "offset" < $1`, [to]);
      await sql(`UPDATE event_log_partitions SET low_offset = $1`, [to]);
    };

    it('the beginning of the log', async () => {
      await service.append(anHour());
      await trim(6); // The record of 22:32 is the first that is left.
      await refused({ from: '2025-11-08T22:52:00Z' }, 'log_too_short');
      await sql(`DELETE FROM replays`);
      // By what is there the log begins before 22:55 - 20 min.
      await rebuild({ from: '2025-11-08T22:55:00Z' });
    });

    it('all of the log', async () => {
      await service.append(anHour());
      await trim(30);
      await refused({}, 'log_too_short');
    });

    it('the log itself, in whose place there is another one', async () => {
      await service.append(anHour());
      await sql(`UPDATE ingest_partitions SET log_id = 'the one before'`);
      await refused({}, 'log_too_short');
      await sql(`UPDATE ingest_partitions SET log_id = NULL`);
      await rebuild();
    });

    it('the log that was there before this one', async () => {
      await service.append(anHour());
      // Another log is in its place, and somebody has acknowledged it.
      await sql(`TRUNCATE event_log`);
      await sql(`UPDATE event_log_partitions SET next_offset = 0, low_offset = 0`);
      await service.restart();
      await waitFor('the partition to be halted', async () => {
        const [row] = await sql<{ reason: string | null }>(
          `SELECT halted_reason AS reason FROM ingest_partitions`,
        );
        return row?.reason === 'log_behind_checkpoint';
      });
      expect(await post('/pipeline/partitions/0/acknowledge')).toMatchObject({ status: 200 });
      await service.append([event('23:19:00')]);
      // Its newest event took place at 23:18.
      await refused({ from: '2025-11-08T23:10:00Z' }, 'log_too_short');
      await refused({ from: '2025-11-08T23:18:00Z' }, 'log_too_short');
      await corrupt();
      await rebuild({ from: '2025-11-08T23:18:00.001Z' });
    });

    it('the log of another topic', async () => {
      await service.append(anHour());
      await sql(`INSERT INTO ingest_partitions (topic, partition, next_offset, newest_event_time)
                 VALUES ('old_events', 0, 5, '2025-11-08T22:30:00Z'), ('older_events', 3, 5, NULL)`);
      await refused({ from: '2025-11-08T22:30:00Z' }, 'log_too_short');
      await rebuild({ from: '2025-11-08T22:30:00.001Z' });
    });

    it('a job that is planned already fails, and leaves the windows as they are', async () => {
      await service.append(anHour());
      await corrupt();
      let replay!: ReplayDetail;
      let before!: unknown;
      await whileLocked(jobLock('1'), async () => {
        replay = await create();
        expect(replay).toMatchObject({ id: '1', status: 'planned' });
        await trim(20);
        before = await everything();
      });
      const failed = await ended(replay);
      expect(failed).toMatchObject({ status: 'failed', changes: [], ingestionPausedMs: null });
      expect(failed.error).toMatch(
        /^log_too_short: The windows cannot be made anew from the log: .*offset 20/,
      );
      expect(await everything()).toEqual(before);
    });

    it('a job fails also when its data expires in the last moment', async () => {
      await service.append(anHour());
      let replay!: ReplayDetail;
      await whileLocked(REBUILD_LOCK, async () => {
        replay = await create();
        await waitingFor(REBUILD_LOCK);
        await sql(`INSERT INTO expired_totals (stat_date, source, key, event_count, sum_micros)
                   VALUES ('2025-11-08', 'region_agg', 'Almaty', 1, 0)`);
      });
      const failed = await ended(replay);
      expect(failed).toMatchObject({ status: 'failed', changes: [] });
      expect(failed.error).toMatch(/^data_expired: /);
    });
  });

  describe('beside others that change them', () => {
    it('two at once come to the same', async () => {
      await service.addReplica();
      await service.append(anHour());
      await setAside(10);
      await corrupt();
      const jobs = await Promise.all([create(), create(), create({ from: '2025-11-08T22:40:00Z' })]);
      for (const replay of await Promise.all(jobs.map(ended)))
        expect(replay).toMatchObject({ status: 'succeeded', error: null });
      await expectTheTruth();
      expect(await anomalies()).toMatchObject([{ status: 'replayed', attempts: 1 }]);
    });

    const CORRECTED = { ...EVENT, timestamp: '2025-11-08T22:42:30Z' };
    const hourWithMistake = (): TestRecord[] => [...anHour(), event('22:42:30', { amount: 'a lot' })];

    it('a replay of an anomaly waits for the one that has begun to put them in place', async () => {
      await service.append(hourWithMistake());
      const { id } = (await anomalies())[0]!;
      await corrupt();
      let click!: Promise<JsonAnswer>;
      let replay!: ReplayDetail;
      // What was replayed has been added by then; the rest of the log has not been read.
      await whileHolding('SELECT FROM ingest_partitions FOR UPDATE', async () => {
        replay = await create();
        await blocked(1);
        click = post(`/anomalies/${id}/replay`, { event: CORRECTED });
        await Promise.race([click, blocked(2)]);
      });
      expect(await click).toMatchObject({ status: 200, body: { outcome: 'applied' } });
      expect(await ended(replay)).toMatchObject({ status: 'succeeded' });
      await expectTheTruth();
    });

    it('they wait for a replay of an anomaly that has begun', async () => {
      await service.append(hourWithMistake());
      const { id } = (await anomalies())[0]!;
      await corrupt();
      let click!: Promise<JsonAnswer>;
      let replay!: ReplayDetail;
      // It has the anomaly, and is about to add to windows.
      await whileHolding(`SELECT FROM real_time_metrics WHERE metric_key = 'Almaty' FOR UPDATE`, async () => {
        click = post(`/anomalies/${id}/replay`, { event: CORRECTED });
        await blocked(1);
        replay = await create();
        await blocked(2);
        expect(await show(replay.id)).toMatchObject({ status: 'running' });
      });
      expect(await click).toMatchObject({ status: 200 });
      expect(await ended(replay)).toMatchObject({ status: 'succeeded' });
      await expectTheTruth();
    });

    it('new events are counted after them, not beneath them', async () => {
      await service.append(anHour());
      await corrupt();
      let replay!: ReplayDetail;
      let counted!: Promise<void>;
      // The log has been read up to its checkpoint by then, and what is to be stored is known; this key is the first.
      await whileHolding(
        `SELECT FROM real_time_metrics WHERE metric_key = 'balance_recharge' FOR UPDATE`,
        async () => {
          replay = await create();
          await blocked(1);
          counted = service.append([event('22:41:00', { region: 'Astana', event_type: 'sms' })]);
          await Promise.race([counted, blocked(2)]);
        },
      );
      await counted;
      expect(await ended(replay)).toMatchObject({ status: 'succeeded', recordsRead: 30 });
      await expectTheTruth();
    });

    it('replays of anomalies, clicks and new events all count, once', async () => {
      const broken = Array.from({ length: 150 }, (_, i) =>
        event('22:41:00', { amount: 'a lot', msisdn: String(i + 1) }),
      );
      const late = Array.from({ length: 150 }, (_, i) => ({
        ...event('22:20:00', { msisdn: String(i + 1) }),
        writtenAt: at('23:19:00'),
      }));
      await service.restart({ LATE_EVENTS: 'divert' });
      await service.append([...anHour(), ...broken, ...late]);
      await service.restart();
      await service.addReplica();
      await corrupt();
      const stored = await anomalies();
      expect(stored).toHaveLength(300);
      const clicked = [...stored.slice(0, 30), ...stored.slice(150, 180)];

      const anomalyJob = await post('/replays', {
        ...{ source: 'anomalies', patch: { amount: 2.5 }, ratePerSecond: 0, force: true },
        filter: { ids: stored.slice(20, 280).map(({ id }) => id) },
      });
      expect(anomalyJob).toMatchObject({ status: 202 });
      const [jobs, clicks] = await Promise.all([
        Promise.all([create(), create(), create({ from: '2025-11-08T22:40:00Z' })]),
        Promise.all(
          clicked.map(({ id }, i) =>
            i % 5 === 0
              ? post(`/anomalies/${id}/discard`)
              : post(`/anomalies/${id}/replay`, {
                  event: { ...EVENT, timestamp: `2025-11-08T22:4${i % 4}:00Z`, region: `Region ${i % 7}` },
                }),
          ),
        ),
        service.append(anHour().map((record) => ({ ...record, writtenAt: at('23:19:00') }))),
      ]);
      for (const { status } of clicks) expect([200, 409]).toContain(status);
      const results = await Promise.all([...jobs, anomalyJob.body as ReplayDetail].map(ended));
      for (const replay of results) expect(replay).toMatchObject({ status: 'succeeded', error: null });
      await service.counted();
      await expectTheTruth();
      const counts = await sql<{ status: string }>(`SELECT status, count(*) FROM anomalies GROUP BY status`);
      expect(counts.map(({ status }) => status).sort()).toEqual(['discarded', 'replayed']);
      expect((await rebuild()).changes).toEqual([]);
      const twice = await sql(
        `SELECT anomaly_id FROM anomaly_history WHERE outcome IN ('applied', 'discarded') GROUP BY anomaly_id HAVING count(*) > 1`,
      );
      expect(twice).toEqual([]);
    });
  });

  describe('are not stored', () => {
    const prepare = async (): Promise<void> => {
      await service.restart({ LATE_EVENTS: 'divert' });
      await service.append([
        ...anHour(),
        event('22:20:00', { region: 'Aktau' }),
        event('22:42:00', { event_type: 'fax' }),
      ]);
      await sql(`DELETE FROM anomalies WHERE reason = 'unknown_event_type'`);
      await service.restart();
      await corrupt(`metric_key = 'sms'`);
    };

    it('in a dry run, which finds what the real one changes', async () => {
      await prepare();
      const before = await everything();
      const dry = await rebuild({ dryRun: true });
      expect(await everything()).toEqual(before);
      expect(dry).toMatchObject({ dryRun: true, ingestionPausedMs: null });
      expect(dry.changes.map(({ metricKey }) => metricKey)).toEqual(expect.arrayContaining(['sms', 'Aktau']));
      const done = await rebuild();
      const { changes, applied, rejected, byReason, recordsRead, total } = dry;
      expect(done).toMatchObject({ changes, applied, rejected, byReason, recordsRead, total });
      expect(done.ingestionPausedMs).toEqual(expect.any(Number));
      await expectTheTruth();
    });

    it('when the job is cancelled before it begins', async () => {
      await prepare();
      const before = await everything();
      let replay!: ReplayDetail;
      await whileLocked(jobLock('1'), async () => {
        replay = await create();
        expect(await post(`/replays/${replay.id}/cancel`)).toMatchObject({
          status: 200,
          body: { status: 'cancelled' },
        });
      });
      // Whatever comes after it in its lane is done after it.
      await rebuild({ from: '2025-11-09T12:00:00Z', to: '2025-11-09T13:00:00Z' });
      expect(await show(replay.id)).toMatchObject({ status: 'cancelled', changes: [] });
      expect(await everything()).toEqual(before);
    });

    it('when the job is cancelled in the last moment', async () => {
      await prepare();
      const before = await everything();
      let replay!: ReplayDetail;
      await whileLocked(REBUILD_LOCK, async () => {
        replay = await create();
        await waitingFor(REBUILD_LOCK);
        expect(await show(replay.id)).toMatchObject({ status: 'running' });
        expect(await post(`/replays/${replay.id}/cancel`)).toMatchObject({
          status: 200,
          body: { status: 'cancelled' },
        });
      });
      await rebuild({ from: '2025-11-09T12:00:00Z', to: '2025-11-09T13:00:00Z' });
      expect(await show(replay.id)).toMatchObject({
        status: 'cancelled',
        changes: [],
        ingestionPausedMs: null,
      });
      expect(await everything()).toEqual(before);
    });

    it('when the service ends in the middle; the next one begins again', async () => {
      await prepare();
      let replay!: ReplayDetail;
      await whileLocked(REBUILD_LOCK, async () => {
        replay = await create();
        await waitingFor(REBUILD_LOCK);
        await sql(
          `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted`,
          [REBUILD_LOCK],
        );
      });
      expect(await ended(replay)).toMatchObject({ status: 'succeeded' });
      await expectTheTruth();
    });
  });
});
