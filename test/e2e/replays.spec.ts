import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { KILLS } from '../support/long.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { appendToLog } from '../support/log.js';
import { expectBalancedLedger, ledger, sampleRecords } from '../support/sample.js';
import { waitFor, type Service, type Stage } from '../support/service.js';
import { servicesPerTest } from '../support/services.js';

const records = sampleRecords();

/** For each reason a patch that mends it. What is not JSON stays as it is. */
const PATCHES: Record<string, object> = {
  missing_msisdn: { msisdn: '77010000000' },
  unknown_event_type: { event_type: 'sms', event_subtype: 'incoming' },
  invalid_duration: { duration_seconds: 60 },
  invalid_data_volume: { data_mb: 100.5 },
  invalid_amount: { amount: 500.25 },
  invalid_region: { region: 'Almaty' },
  invalid_timestamp: { timestamp: '2025-11-08T22:31:12Z' },
};

interface SampleEvent {
  timestamp: string;
  event_type: string;
  event_subtype?: string | null;
  region?: string | null;
  data_mb?: number;
  amount?: number;
}

interface Window {
  count: number;
  micros: bigint;
}

/**
 * An oracle of its own: the windows of valid events, however late, by the plainest means. The sample has no event that is too
 * large, ahead of its record or too late.
 */
function windowsOf(events: readonly SampleEvent[]): Map<string, Window> {
  const windows = new Map<string, Window>();
  const add = (name: string, minutes: number, time: number, micros: bigint): void => {
    const start = new Date(Math.floor(time / (minutes * 60_000)) * minutes * 60_000).toISOString();
    const window = windows.get(`${name} ${start}`) ?? { count: 0, micros: 0n };
    windows.set(`${name} ${start}`, { count: window.count + 1, micros: window.micros + micros });
  };
  for (const event of events) {
    const text = event.timestamp.replace(' ', 'T');
    const time = Date.parse(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
    const quantity = { data_session: event.data_mb, balance_recharge: event.amount }[event.event_type];
    const type = event.event_type + (event.event_subtype ? `_${event.event_subtype}` : '');
    add(`event_type_agg ${type}`, 5, time, BigInt(Math.round((quantity ?? 0) * 1e6)));
    add(`region_agg ${event.region === '' ? 'unknown' : (event.region ?? 'unknown')}`, 10, time, 0n);
  }
  return windows;
}

describe("the sample's anomalies, repaired in bulk", () => {
  const services = servicesPerTest();
  let db: DataSource;
  let topic: TestTopic | undefined;

  beforeEach(async () => {
    db = services.database.dataSource;
    await db.query('UPDATE batch_control SET paused_at = now()');
    topic = hasKafka ? await createTestTopic(4) : undefined;
  });
  afterEach(() => topic?.close());

  const start = (until?: Stage): Promise<Service> => services.start(topic?.env, until);

  async function load(service: Service): Promise<void> {
    await appendToLog(service, topic, records, 4);
    await services.allConsumed(records.length);
  }

  /** The windows of the stream as it would have been without mistakes, by the oracle. */
  async function expectRepaired(): Promise<void> {
    const anomalies: { reason: string; raw: string }[] = await db.query(
      `SELECT reason, encode(raw, 'base64') AS raw FROM anomalies`,
    );
    const reasons = new Map(anomalies.map(({ reason, raw }) => [raw.replace(/\n/g, ''), reason]));
    const events = records.flatMap((record) => {
      const reason = reasons.get(record.toString('base64'));
      if (reason === 'malformed_json') return [];
      const event = JSON.parse(record.toString()) as SampleEvent;
      return [reason ? { ...event, ...PATCHES[reason] } : event];
    });
    const rows: { name: string; count: string; micros: string }[] = await db.query(
      `SELECT metric_type || ' ' || metric_key || ' ' || to_char(window_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') AS name,
              event_count AS count, sum_micros AS micros FROM real_time_metrics`,
    );
    const stored = new Map(
      rows.map((row) => [row.name, { count: Number(row.count), micros: BigInt(row.micros) }]),
    );
    const byName = (all: Map<string, Window>): [string, Window][] =>
      [...all].sort(([a], [b]) => (a < b ? -1 : 1));
    expect(byName(stored)).toEqual(byName(windowsOf(events)));
    await expectBalancedLedger(db);
    expect((await ledger(db)).anomalies).toBe(170);
  }

  const create = async (service: Service, body: object): Promise<string> =>
    (await service.post<{ id: string }>('/replays', { source: 'anomalies', ...body })).id;
  const ended = async (
    service: Service,
    id: string,
  ): Promise<{ status: string; applied: number; rejected: number }> =>
    waitFor(`replay ${id} to end`, async () => {
      const replay = await service.get<{ status: string; applied: number; rejected: number }>(
        `/replays/${id}`,
      );
      return /planned|running/.test(replay.status) ? null : replay;
    });

  it('count as if they had come that way, once, however often they are replayed', async () => {
    const service = await start();
    await load(service);
    for (const [reason, patch] of Object.entries(PATCHES)) {
      const { status, rejected } = await ended(service, await create(service, { filter: { reason }, patch }));
      expect({ status, rejected }).toEqual({ status: 'succeeded', rejected: 0 });
    }
    const left = await ended(service, await create(service, { patch: PATCHES.missing_msisdn! }));
    expect(left).toMatchObject({ applied: 0, rejected: 22 });
    await expectRepaired();
  });

  it('count once, with two replicas that are killed with -9 at random moments', async () => {
    const first = await start();
    await load(first);
    const jobs: string[] = [];
    for (const [reason, patch] of Object.entries(PATCHES))
      jobs.push(await create(first, { filter: { reason }, patch, ratePerSecond: 8 }));
    // With the embedded log one of the two is not ready, and works on replays all the same.
    let pair = [first, await start('connected')];
    let applied = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      await delay(Math.random() * 400);
      const victim = pair[kill % 2]!;
      await victim.kill();
      pair = [pair[(kill + 1) % 2]!, await start('connected')];
      const [row]: { applied: number }[] = await db.query(
        `SELECT sum(applied)::integer AS applied FROM replays`,
      );
      applied = row!.applied;
    }
    expect(applied).toBeGreaterThan(0);
    for (const id of jobs)
      expect(await ended(pair[0]!, id)).toMatchObject({ status: 'succeeded', rejected: 0 });
    await expectRepaired();
  });
});
