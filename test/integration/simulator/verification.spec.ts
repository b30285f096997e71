import { jest } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import type { Expected, Verification } from '../../../src/simulator/answer-key.schemas.js';
import { AnswerKeysService } from '../../../src/simulator/answer-keys.service.js';
import type { Run } from '../../../src/simulator/simulator.schemas.js';
import { EventPublisher, PublishError } from '../../../src/transport/event-publisher.js';
import { EventSource } from '../../../src/transport/event-source.js';
import { LogApp, type JsonAnswer } from '../../support/log-app.js';
import { waitFor } from '../../support/service.js';

/*
 * The whole service with the embedded log: runs go through the real pipeline into a real database, and are compared with
 * what that holds.
 */

const service = new LogApp();
const sql = service.sql;

/** Long ago, so that a run of any time scale stays behind the clock. */
const START = '2025-11-08T10:00:00Z';
/** Everything that a run can do to its events: a quarter of an hour of events in half a second. */
const EVERYTHING = {
  ...{ eventsPerSecond: 6000, totalEvents: 3000, startTime: START, timeScale: 1800, seed: 7 },
  ...{ invalidRate: 0.1, futureRate: 0.02, duplicateRate: 0.05 },
  ...{ lateRate: 0.1, lateSeconds: 3000, outOfOrderSeconds: 1800 },
};

const open = (run: Run): boolean => run.status === 'running' || run.status === 'paused';
const runOf = async (id: string): Promise<Run> =>
  (await service.ask('GET', `/simulator/runs/${id}`)).body as Run;

async function begin(body: object): Promise<string> {
  const { status, body: run } = await service.ask('POST', '/simulator/start', body);
  expect({ status, run }).toMatchObject({ status: 201 });
  return (run as Run).id;
}

const ended = async (id: string): Promise<Run> => {
  await waitFor('the run to end', async () => !open(await runOf(id)));
  return runOf(id);
};

const hasSent = (id: string): Promise<unknown> =>
  waitFor('the run to send', async () => (await runOf(id)).sent > 0);

async function finished(body: object): Promise<string> {
  const id = await begin(body);
  expect(await ended(id)).toMatchObject({ status: 'finished' });
  return id;
}

const verify = (id: string, body?: unknown): Promise<JsonAnswer> =>
  service.ask('POST', `/simulator/runs/${id}/verify`, body);
const expectedOf = (id: string): Promise<JsonAnswer> => service.ask('GET', `/simulator/runs/${id}/expected`);

async function verification(id: string): Promise<Verification> {
  const { status, body } = await verify(id);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body as Verification;
}

async function expectMatch(id: string): Promise<Verification> {
  const found = await verification(id);
  expect(found).toMatchObject({
    matches: true,
    differences: [],
    moreDifferences: false,
    windowsDiffering: 0,
  });
  return found;
}

async function expectNotVerifiable(id: string, why: RegExp): Promise<void> {
  expect(await verify(id)).toMatchObject({
    status: 409,
    body: { code: 'run_not_verifiable', detail: expect.stringMatching(why) as string },
  });
}

const event = (msisdn: string): object => ({
  ...{ event_id: 'a', msisdn, region: 'Almaty', cell_tower_id: 1000, event_type: 'sms' },
  ...{ timestamp: START, event_subtype: 'incoming' },
});
const post = async (): Promise<void> => {
  expect((await service.ask('POST', '/events', event('77012345678'))).status).toBe(202);
};

/** The next batches go through `attempt` instead, one each. */
function publishThrough(
  ...attempts: ((
    events: Parameters<EventPublisher['publish']>[0],
    publish: EventPublisher['publish'],
  ) => Promise<void>)[]
): void {
  const publisher = service.get(EventPublisher);
  const publish = publisher.publish.bind(publisher);
  const spy = jest.spyOn(publisher, 'publish');
  for (const attempt of attempts) spy.mockImplementationOnce((events) => attempt(events, publish));
}

/** Checkpoints cannot be stored while the work lasts. */
async function heldUp(work: () => Promise<void>): Promise<void> {
  const runner = service.database.dataSource.createQueryRunner();
  await runner.startTransaction();
  try {
    await runner.query(`SELECT FROM ingest_partitions FOR UPDATE`);
    await work();
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
}

afterEach(() => jest.restoreAllMocks());

describe.each([
  ['late events that count', { LATE_EVENTS: 'amend' }],
  ['late events set aside', { LATE_EVENTS: 'divert' }],
  ['rules of its own', { LATE_EVENTS: 'divert', MAX_LATENESS: '1h', WATERMARK_DELAY: '0s' }],
  ['small flushes', { FLUSH_INTERVAL: '10ms', MAX_LATENESS: '1h' }],
])('a run with every fault, and %s', (_, env) => {
  beforeAll(() => service.start(env));
  afterAll(() => service.stop());

  it('is found in the database as its answer key says, the first and the next over the same windows', async () => {
    const first = await finished(EVERYTHING);
    expect(await expectMatch(first)).toMatchObject({ runId: first, sent: 3000 });

    const { body } = await expectedOf(first);
    const key = body as Expected;
    expect(key.windows.length).toBeGreaterThan(30);
    // What the windows hold, told without the comparison.
    const lines = key.windows.map((window) =>
      [
        ...[window.metricType, window.metricKey],
        window.windowStart.slice(5, 16).replace('T', ' '),
        window.metricType === 'region_agg' ? 600 : 300,
        ...[window.eventCount, window.lateEvents, window.sumMicros],
      ].join(' '),
    );
    expect(lines.sort()).toEqual((await service.storedWindows()).sort());
    const [ledger] = await sql<object>(
      `SELECT consumed::integer AS sent, counted::integer, late_counted::integer AS "lateCounted" FROM ingest_partitions`,
    );
    const anomalies = await sql<{ reason: string; count: number }>(
      `SELECT reason, count(*)::integer AS count FROM anomalies GROUP BY reason`,
    );
    expect(key).toMatchObject(ledger!);
    expect(key.anomalies).toEqual(Object.fromEntries(anomalies.map(({ reason, count }) => [reason, count])));
    expect(key.duplicates).toBeGreaterThan(50);
    const { LATE_EVENTS: lateEvents, MAX_LATENESS: lateness } = { MAX_LATENESS: '7d', ...env } as Record<
      string,
      string
    >;
    expect(key.rules).toMatchObject({ lateEvents: lateEvents ?? 'amend' });
    // It has what it is about.
    expect(lateEvents === 'divert' ? key.anomalies.late_event : key.lateCounted).toBeGreaterThan(50);
    if (lateness === '1h') expect(key.anomalies.too_late).toBeGreaterThan(5);
    expect(Object.keys(key.anomalies).length).toBeGreaterThanOrEqual(10);
    expect(key.partitions).toMatchObject([{ partition: 0, firstOffset: '0', endOffset: '3000', sent: 3000 }]);

    const second = await finished({ ...EVERYTHING, seed: 8 });
    expect(await expectMatch(second)).toMatchObject({ sent: 3000 });
    await expectNotVerifiable(first, /a later run has begun/);
    expect((await expectedOf(first)).body).toEqual(key);
  });
});

describe('what does not match', () => {
  let id: string;
  let key: Expected;

  beforeAll(async () => {
    await service.start();
    await post();
    await service.counted();
    id = await finished(EVERYTHING);
    await expectMatch(id);
    key = (await expectedOf(id)).body as Expected;
    await sql(`CREATE TABLE windows_as_they_were AS SELECT * FROM real_time_metrics`);
    await sql(`CREATE TABLE anomalies_as_they_were AS SELECT * FROM anomalies`);
    await sql(`CREATE TABLE ledger_as_it_was AS SELECT * FROM ingest_partitions`);
  });
  afterEach(async () => {
    await sql(`DELETE FROM real_time_metrics`);
    await sql(`INSERT INTO real_time_metrics SELECT * FROM windows_as_they_were`);
    await sql(
      `UPDATE anomalies SET reason = was.reason FROM anomalies_as_they_were AS was WHERE anomalies.id = was.id`,
    );
    await sql(
      `UPDATE ingest_partitions SET consumed = was.consumed, counted = was.counted, late_counted = was.late_counted,
              anomalies = was.anomalies, duplicates = was.duplicates, skipped = was.skipped
         FROM ledger_as_it_was AS was`,
    );
    await expectMatch(id);
  });
  afterAll(() => service.stop());

  /** A window of the run of data sessions, which has late events, and its place. */
  const window = () => {
    const found = key.windows.find(
      ({ metricKey, lateEvents }) => metricKey === 'data_session' && lateEvents > 1,
    )!;
    const { metricType, metricKey, windowStart } = found;
    return { ...found, place: { in: 'window', metricType, metricKey, windowStart } };
  };
  const change = (assignment: string): Promise<unknown> => {
    const { metricType, metricKey, windowStart } = window();
    return sql(
      `UPDATE real_time_metrics SET ${assignment} WHERE metric_type = $1 AND metric_key = $2 AND window_start = $3`,
      [metricType, metricKey, windowStart],
    );
  };
  const expectOnly = async (differences: readonly object[], windowsDiffering = 1): Promise<void> => {
    expect(await verification(id)).toMatchObject({
      matches: false,
      moreDifferences: false,
      windowsDiffering,
    });
    expect((await verification(id)).differences).toEqual(differences);
  };

  it('a count', async () => {
    const { place, eventCount } = window();
    await change('event_count = event_count - 1');
    await expectOnly([{ ...place, field: 'eventCount', expected: eventCount, actual: eventCount - 1 }]);
  });

  it('a sum, by a millionth', async () => {
    const { place, sumMicros } = window();
    await change('sum_micros = sum_micros + 1');
    const actual = String(BigInt(sumMicros) + 1n);
    await expectOnly([{ ...place, field: 'sumMicros', expected: sumMicros, actual }]);
  });

  it('late events', async () => {
    const { place, lateEvents } = window();
    await change('late_events = late_events - 1');
    await expectOnly([{ ...place, field: 'lateEvents', expected: lateEvents, actual: lateEvents - 1 }]);
  });

  it('a value that does not follow from its sum', async () => {
    const { place, metricValue } = window();
    await change('metric_value = metric_value * 1.001');
    const { differences } = await verification(id);
    expect(differences).toMatchObject([{ ...place, field: 'metricValue' }]);
    expect(differences[0]!.expected).toBeCloseTo(metricValue, 9);
    expect(differences[0]!.actual).toBeCloseTo(metricValue * 1.001, 9);
  });

  it('a window that is not there', async () => {
    const { place, eventCount, lateEvents, sumMicros } = window();
    await sql(
      `DELETE FROM real_time_metrics WHERE metric_type = $1 AND metric_key = $2 AND window_start = $3`,
      [place.metricType, place.metricKey, place.windowStart],
    );
    await expectOnly([
      { ...place, field: 'eventCount', expected: eventCount, actual: 0 },
      { ...place, field: 'lateEvents', expected: lateEvents, actual: 0 },
      { ...place, field: 'sumMicros', expected: sumMicros, actual: '0' },
    ]);
  });

  const invent = (start: string): Promise<unknown> =>
    sql(
      `INSERT INTO real_time_metrics (metric_type, metric_key, window_start, window_end, metric_value, event_count)
       VALUES ('region_agg', 'Nowhere', $1::timestamptz, $1::timestamptz + interval '10 min', 2, 2)`,
      [start],
    );

  it('a window that should not be there', async () => {
    await invent(START);
    await expectOnly([
      {
        ...{
          in: 'window',
          metricType: 'region_agg',
          metricKey: 'Nowhere',
          windowStart: START,
        },
        ...{ field: 'eventCount', expected: 0, actual: 2 },
      },
    ]);
  });

  it('a window that the run cannot have touched is none of its business', async () => {
    await invent('2025-10-01T00:00:00Z');
    await expectMatch(id);
  });

  it('what the windows held before the run is needed still', async () => {
    await sql(
      `UPDATE real_time_metrics SET event_count = event_count - 1, metric_value = metric_value - 1
        WHERE metric_key = 'sms_incoming' AND window_start = $1`,
      [START],
    );
    const sms = key.windows.find(
      ({ metricKey, windowStart }) =>
        metricKey === 'sms_incoming' && Date.parse(windowStart) === Date.parse(START),
    );
    const expected = sms?.eventCount ?? 0;
    const found = await verification(id);
    expect(found.differences).toMatchObject([{ field: 'eventCount', expected, actual: expected - 1 }]);
  });

  it('the reason of an anomaly', async () => {
    const { missing_msisdn: missing, invalid_region: region } = key.anomalies as Record<string, number>;
    await sql(
      `UPDATE anomalies SET reason = 'missing_msisdn' WHERE id = (SELECT min(id) FROM anomalies WHERE reason = 'invalid_region')`,
    );
    await expectOnly(
      [
        { in: 'anomalies', partition: 0, field: 'invalid_region', expected: region, actual: region! - 1 },
        { in: 'anomalies', partition: 0, field: 'missing_msisdn', expected: missing, actual: missing! + 1 },
      ],
      0,
    );
  });

  it.each(['consumed', 'counted', 'late_counted', 'anomalies', 'duplicates', 'skipped'])(
    'the ledger: %s',
    async (field) => {
      await sql(`UPDATE ingest_partitions SET ${field} = ${field} + 1`);
      const { differences } = await verification(id);
      expect(differences).toMatchObject([{ in: 'ledger', partition: 0, field }]);
      const { expected, actual } = differences[0]!;
      expect(Number(actual) - Number(expected)).toBe(1);
      const counts: Record<string, number> = {
        ...{ consumed: 3000, counted: key.counted, late_counted: key.lateCounted, skipped: 0 },
        duplicates: key.duplicates,
        anomalies: Object.values(key.anomalies).reduce((sum, count) => sum + count, 0),
      };
      expect(expected).toBe(counts[field]);
    },
  );

  it('more than a thousand windows are counted, and the first thousand listed', async () => {
    await sql(
      `INSERT INTO real_time_metrics (metric_type, metric_key, window_start, window_end, metric_value, event_count)
       SELECT 'region_agg', 'Nowhere', start, start + interval '10 min', 1, 1
         FROM generate_series(timestamptz '2025-11-09 00:00Z', '2025-11-09 00:00Z'::timestamptz + 1000 * interval '10 min', interval '10 min') AS start`,
    );
    const found = await verification(id);
    expect(found).toMatchObject({ matches: false, moreDifferences: true, windowsDiffering: 1001 });
    expect(found.differences).toHaveLength(1000);
  });

  // The last: it is not put back.
  it('an anomaly that is not there', async () => {
    const expected = key.anomalies.invalid_amount!;
    await sql(
      `CREATE TABLE gone AS SELECT * FROM anomalies WHERE reason = 'invalid_amount' ORDER BY id LIMIT 1`,
    );
    await sql(`DELETE FROM anomalies USING gone WHERE anomalies.id = gone.id`);
    await expectOnly(
      [{ in: 'anomalies', partition: 0, field: 'invalid_amount', expected, actual: expected - 1 }],
      0,
    );
    await sql(`INSERT INTO anomalies OVERRIDING SYSTEM VALUE SELECT * FROM gone`);
  });
});

describe('a run', () => {
  beforeAll(() => service.start());
  afterAll(() => service.stop());

  const LONG = { ...EVERYTHING, totalEvents: undefined, eventsPerSecond: 2000, timeScale: 600 };

  it('has an answer as soon as it is seen to have ended, however long that takes to be stored', async () => {
    const keys = service.get(AnswerKeysService);
    const finish = keys.finish.bind(keys);
    jest.spyOn(keys, 'finish').mockImplementation(async (...result) => {
      await delay(500);
      return finish(...result);
    });
    const id = await begin({ ...EVERYTHING, totalEvents: 2000, eventsPerSecond: 200_000 });
    await waitFor('the end', async () => {
      const { body } = await service.ask('GET', '/simulator');
      return (body as { status: string }).status === 'idle';
    });
    expect(await verify(id)).toMatchObject({ status: 200, body: { matches: true } });
  });

  it('that was stopped matches with what it has sent', async () => {
    const id = await begin(LONG);
    await hasSent(id);
    const { body } = await service.ask('POST', '/simulator/stop');
    expect(await expectMatch(id)).toMatchObject({ sent: (body as Run).sent });
  });

  it('that was paused and went on matches', async () => {
    const id = await begin({ ...LONG, totalEvents: 1500 });
    await hasSent(id);
    await service.ask('POST', '/simulator/pause');
    await service.counted();
    await service.ask('POST', '/simulator/resume');
    await ended(id);
    expect(await expectMatch(id)).toMatchObject({ sent: 1500 });
  });

  it('that has sent nothing matches, and the one before cannot be compared any more', async () => {
    const before = await finished(EVERYTHING);
    await expectMatch(before);
    const id = await begin({ eventsPerSecond: 0.1, durationSeconds: 0.2 });
    await ended(id);
    expect(await expectMatch(id)).toMatchObject({ sent: 0 });
    await expectNotVerifiable(before, /a later run has begun/);
    expect((await expectedOf(before)).status).toBe(200);
  });

  it('of now matches, as one of the simulator at a small rate', async () => {
    const id = await finished({ eventsPerSecond: 100, totalEvents: 50, invalidRate: 0.5 });
    expect(await expectMatch(id)).toMatchObject({ sent: 50 });
  });

  it('whose events lie more than 5 min ahead cannot be told', async () => {
    const startTime = new Date(Date.now() + 3_600_000).toISOString();
    const id = await finished({ eventsPerSecond: 1000, totalEvents: 20, startTime });
    await expectNotVerifiable(id, /20 events were more than 5 min ahead of the clock/);
    expect(await expectedOf(id)).toMatchObject({ status: 409, body: { code: 'run_not_verifiable' } });
  });

  it('has regions of any name', async () => {
    const regionWeights = { Қарағанды: 2, 'New York': 3, '🏔 Алматы': 1, constructor: 1, __proto__x: 1 };
    await expectMatch(await finished({ ...EVERYTHING, regionWeights }));
  });

  it('that is not there, or is no id', async () => {
    expect(await verify('999999')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await expectedOf('999999')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await verify('abc')).toMatchObject({ status: 400, body: { errors: [{ field: 'id' }] } });
    expect(await expectedOf('abc')).toMatchObject({ status: 400, body: { errors: [{ field: 'id' }] } });
  });

  it.each<[unknown, string]>([
    [{ timeoutSeconds: -1 }, 'timeoutSeconds'],
    [{ timeoutSeconds: 601 }, 'timeoutSeconds'],
    [{ timeoutSeconds: '60' }, 'timeoutSeconds'],
    [{ timeout: 60 }, 'timeout'],
    [[60], 'body'],
  ])('is not compared when asked with %j', async (body, field) => {
    expect(await verify('1', body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ field }] },
    });
  });

  it('that goes on has no answer yet', async () => {
    const id = await begin(LONG);
    for (const answer of [await verify(id), await expectedOf(id)])
      expect(answer).toMatchObject({ status: 409, body: { code: 'simulator_running' } });
    await service.ask('POST', '/simulator/pause');
    expect(await verify(id)).toMatchObject({ status: 409, body: { code: 'simulator_running' } });
    await service.ask('POST', '/simulator/stop');
    await expectMatch(id);
  });

  it('whose process is gone has none, when it had not begun to send', async () => {
    const [row] = await sql<{ id: string }>(
      `INSERT INTO simulator_runs (seed, parameters, owner) VALUES (7, '{"startTime": 0}', 'gone:1') RETURNING id`,
    );
    await expectNotVerifiable(row!.id, /was never known/);
    expect(await expectedOf(row!.id)).toMatchObject({ status: 409, body: { code: 'run_not_verifiable' } });
  });

  it('has its key until there are 20 newer ones', async () => {
    const id = await finished({ ...EVERYTHING, totalEvents: 100 });
    await sql(
      `INSERT INTO simulator_runs (seed, parameters, owner, status, finished_at)
       SELECT 7, '{"startTime": 0}', 'a:1', 'finished', now() FROM generate_series(1, 18)`,
    );
    await finished({ ...EVERYTHING, totalEvents: 10 });
    expect((await expectedOf(id)).status).toBe(200);
    const last = await finished({ ...EVERYTHING, totalEvents: 10 });
    expect(await expectedOf(id)).toMatchObject({ status: 409, body: { code: 'run_not_verifiable' } });
    await expectNotVerifiable(id, /not kept any more/);
    await expectMatch(last);
    for (const table of ['partitions', 'windows'])
      expect(await sql(`SELECT FROM simulator_run_${table} WHERE run_id = $1`, [id])).toEqual([]);
    expect(await sql(`SELECT FROM simulator_run_baseline WHERE run_id < $1`, [last])).toEqual([]);
  });
});

describe('events of others', () => {
  beforeAll(() => service.start());
  afterAll(() => service.stop());

  it('before a run do not matter', async () => {
    await post();
    await expectMatch(await finished(EVERYTHING));
  });

  it('during a run make it one that cannot be compared', async () => {
    const id = await begin({ ...EVERYTHING, eventsPerSecond: 2000 });
    await hasSent(id);
    await post();
    await ended(id);
    await expectNotVerifiable(id, /others have written to it/);
  });

  it('after a run likewise', async () => {
    const id = await finished(EVERYTHING);
    await expectMatch(id);
    await post();
    await expectNotVerifiable(id, /others have written to it/);
  });
});

describe('a pipeline that is held up', () => {
  beforeAll(() => service.start());
  afterAll(() => service.stop());

  it('is waited for as long as was asked, and then there is an answer', async () => {
    const id = await begin({ ...EVERYTHING, eventsPerSecond: 2000 });
    await hasSent(id);
    await heldUp(async () => {
      await ended(id);
      for (const timeoutSeconds of [0, 1]) {
        const before = Date.now();
        expect(await verify(id, { timeoutSeconds })).toMatchObject({
          status: 409,
          body: { code: 'pipeline_behind', detail: expect.stringContaining('Partition 0') as string },
        });
        expect(Date.now() - before).toBeGreaterThanOrEqual(timeoutSeconds * 1000);
      }
    });
    await expectMatch(id);
  });

  it('when a run begins lets it go on without an answer', async () => {
    await heldUp(async () => {
      await post();
      await finished({ ...EVERYTHING, totalEvents: 100 });
    });
    const { body } = await service.ask('GET', '/simulator');
    const { id, sent } = (body as { run: Run }).run;
    expect(sent).toBe(100);
    await expectNotVerifiable(
      id,
      /when it began, the pipeline stood at offset \d+ of partition 0, whose log ended at \d+/,
    );
    expect((await expectedOf(id)).status).toBe(409);
    await service.counted();
    await expectMatch(await finished(EVERYTHING));
  });

  it('does not hold up the stop of a run that has not begun', async () => {
    await heldUp(async () => {
      await post();
      const id = await begin(EVERYTHING);
      const before = Date.now();
      expect((await service.ask('POST', '/simulator/stop')).body).toMatchObject({
        id,
        status: 'stopped',
        sent: 0,
      });
      expect(Date.now() - before).toBeLessThan(5000);
    });
    await service.counted();
  });
});

describe('a log that reports a failure', () => {
  beforeAll(() => service.start());
  afterAll(() => service.stop());
  const lost = (): never => {
    throw new PublishError('unavailable', 'The answer was lost.');
  };
  const inLog = async (): Promise<number> =>
    (await sql<{ count: number }>(`SELECT count(*)::integer AS count FROM event_log`))[0]!.count;

  it.each<[string, (batch: number) => number]>([
    ['all', (batch) => batch],
    ['none', () => 0],
    ['half', (batch) => Math.floor(batch / 2)],
    ['one', () => 1],
    ['all but one', (batch) => batch - 1],
  ])('after it has taken %s of a batch gets the rest, and nothing twice', async (_, taken) => {
    const before = await inLog();
    publishThrough(async (events, publish) => {
      await publish(events.slice(0, taken(events.length)));
      lost();
    });
    const id = await begin(EVERYTHING);
    expect(await ended(id)).toMatchObject({
      status: 'finished',
      sent: 3000,
      lastError: { message: 'The answer was lost.' },
    });
    expect((await inLog()) - before).toBe(3000);
    await expectMatch(id);
  });

  it('again and again, and cannot be asked in between, gets nothing twice', async () => {
    const before = await inLog();
    publishThrough(
      async (events, publish) => {
        await publish(events.slice(0, 2));
        lost();
      },
      async (events, publish) => {
        await publish(events.slice(0, 3));
        jest.spyOn(service.get(EventSource), 'bounds').mockRejectedValueOnce(new Error('away'));
        lost();
      },
    );
    const id = await begin(EVERYTHING);
    expect(await ended(id)).toMatchObject({ status: 'finished', sent: 3000 });
    expect((await inLog()) - before).toBe(3000);
    await expectMatch(id);
  });

  it('and the run is stopped then: the end of the log tells later what it has sent', async () => {
    const before = await inLog();
    publishThrough(async (events, publish) => {
      await publish(events);
      jest.spyOn(service.get(EventSource), 'bounds').mockRejectedValue(new Error('away'));
      lost();
    });
    const id = await begin(EVERYTHING);
    await waitFor('the failure', async () => (await runOf(id)).lastError);
    await service.ask('POST', '/simulator/stop');
    jest.restoreAllMocks();
    expect(await expectMatch(id)).toMatchObject({ sent: (await inLog()) - before });
  });

  it('and the run is stopped then, and somebody else writes: nothing can be told', async () => {
    publishThrough(async (events, publish) => {
      await publish(events);
      jest.spyOn(service.get(EventSource), 'bounds').mockRejectedValue(new Error('away'));
      lost();
    });
    const id = await begin(EVERYTHING);
    await waitFor('the failure', async () => (await runOf(id)).lastError);
    await service.ask('POST', '/simulator/stop');
    jest.restoreAllMocks();
    expect((await service.ask('POST', '/events', { msisdn: '1' })).status).toBe(202);
    await expectNotVerifiable(id, /others have written/);
    await expectNotVerifiable(id, /others have written/);
  });

  it('for good ends the run, whose answer is that of what the log has taken', async () => {
    publishThrough(async (events, publish) => {
      await publish(events.slice(0, 3));
      throw new PublishError('too_large', 'Too large.');
    });
    const id = await begin(EVERYTHING);
    expect(await ended(id)).toMatchObject({ status: 'failed' });
    expect(await expectMatch(id)).toMatchObject({ sent: 3 });
  });
});
