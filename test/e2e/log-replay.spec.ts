import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { appendToLog } from '../support/log.js';
import { long } from '../support/long.js';
import { expectBalancedLedger, expectSampleAnswers, sampleRecords } from '../support/sample.js';
import { waitFor, type Service } from '../support/service.js';
import { servicesPerTest } from '../support/services.js';

const records = sampleRecords();

interface Replay {
  id: string;
  status: string;
  error: string | null;
  total: number;
  applied: number;
  rejected: number;
  byReason: Record<string, number>;
  recordsRead: number;
  ingestionPausedMs: number | null;
  changes: { metricType: string; metricKey: string; windowStart: string; before: number; after: number }[];
}

const RANGE = { from: '2025-11-08T00:00:00Z', to: '2025-11-10T00:00:00Z' };

const transports = [
  { transport: 'embedded', rate: 5_000 },
  { transport: 'kafka', rate: 20_000 },
].filter(({ transport }) => transport === 'embedded' || hasKafka);

describe.each(transports)('windows made anew from the $transport log', ({ transport, rate }) => {
  // Events of the sample's time are not too late beside those of today.
  const services = servicesPerTest({ MAX_LATENESS: '3650d' });
  let db: DataSource;
  let topic: TestTopic | undefined;

  beforeEach(async () => {
    db = services.database.dataSource;
    await db.query('UPDATE batch_control SET paused_at = now()');
    // One partition, as the sample's answers about late events want it.
    topic = transport === 'kafka' ? await createTestTopic(1) : undefined;
  });
  afterEach(() => topic?.close());

  const start = (): Promise<Service> => services.start(topic?.env);

  async function startWithSample(): Promise<Service> {
    const service = await start();
    await appendToLog(service, topic, records, 1);
    await services.allConsumed(records.length);
    await expectSampleAnswers(db);
    return service;
  }

  /** What a careless hand can do to the windows. */
  async function corrupt(): Promise<void> {
    await db.query(`UPDATE real_time_metrics SET event_count = event_count + 7, metric_value = 12345
                       WHERE metric_key = 'sms_incoming'`);
    await db.query(
      `UPDATE real_time_metrics SET sum_micros = 0, late_events = 99 WHERE metric_key = 'data_session'`,
    );
    await db.query(
      `UPDATE real_time_metrics SET window_end = window_end + interval '1 day' WHERE metric_key = 'Astana'`,
    );
    await db.query(`DELETE FROM real_time_metrics WHERE metric_key IN ('Almaty', 'balance_recharge')`);
    await db.query(`INSERT INTO real_time_metrics (metric_type, metric_key, window_start, window_end, metric_value, event_count)
                      VALUES ('region_agg', 'Nowhere', '2025-11-08T22:31:00Z', '2025-11-08T22:41:00Z', 5, 5)`);
  }

  const rows = (): Promise<unknown[]> =>
    db.query(`SELECT * FROM real_time_metrics ORDER BY metric_type, metric_key, window_start`);

  async function replay(service: Service, body: object = {}): Promise<Replay> {
    const { id } = await service.post<Replay>('/replays', { source: 'log', ...RANGE, ...body });
    return ended(service, id);
  }

  async function ended(service: Service, id: string): Promise<Replay> {
    return waitFor(
      `replay ${id} to end`,
      async () => {
        const found = await service.get<Replay>(`/replays/${id}`);
        return /planned|running/.test(found.status) ? null : found;
      },
      60_000,
    );
  }

  it('are those of the log again, whatever was done to them by hand', async () => {
    const service = await startWithSample();
    const sound = await rows();
    expect(await replay(service, { dryRun: true })).toMatchObject({
      status: 'succeeded',
      total: records.length,
      recordsRead: records.length,
      // The other 60 anomalies have no valid time: they belong to the day on which they were recorded.
      rejected: 110,
      changes: [],
      ingestionPausedMs: null,
    });
    await corrupt();
    const corrupted = await rows();
    const preview = await replay(service, { dryRun: true });
    expect(preview).toMatchObject({ status: 'succeeded', error: null });
    expect(await rows()).toEqual(corrupted);
    expect(preview.changes).toContainEqual({
      metricType: 'region_agg',
      metricKey: 'Nowhere',
      windowStart: '2025-11-08T22:31:00Z',
      before: 5,
      after: 0,
    });

    const done = await replay(service);
    expect(done).toMatchObject({ status: 'succeeded', error: null, changes: preview.changes });
    expect(done.ingestionPausedMs).toBeLessThan(5_000);
    await expectSampleAnswers(db);
    await expectBalancedLedger(db);
    expect((await replay(service)).changes).toEqual([]);
    expect(await rows()).toHaveLength(sound.length);
  });

  it(`are exact while ${rate} events a second flow in, also into the range, and none of these is lost or doubled`, async () => {
    const service = await startWithSample();
    const traffic = new Traffic((events) => appendToLog(service, topic, events, 1), rate);
    for (let round = 0; round < 3; round++) {
      await corrupt();
      expect(await replay(service)).toMatchObject({ status: 'succeeded', error: null });
      // Sees one state of checkpoints and windows, although both move on.
      expect((await replay(service, { dryRun: true })).changes).toEqual([]);
    }
    const published = await traffic.stop();
    expect(published).toBeGreaterThan(rate);
    await services.allConsumed(records.length + published);
    const [live]: { events: string }[] = await db.query(
      `SELECT sum(event_count) AS events FROM real_time_metrics WHERE metric_key = 'Live'`,
    );
    expect(Number(live!.events)).toBe(published);
    await db.query(`DELETE FROM real_time_metrics WHERE metric_key IN ('Live', 'sms_live')`);
    await expectSampleAnswers(db);
    await expectBalancedLedger(db);
  });

  if (transport === 'kafka')
    it('are right as well when their records have no timestamps', async () => {
      const service = await start();
      for (let at = 0; at < records.length; at += 2_000) {
        const messages = records
          .slice(at, at + 2_000)
          .map((value) => ({ value, partition: 0, timestamp: '-1' }));
        await topic!.producer.send({ topic: topic!.topic, messages });
      }
      await services.allConsumed(records.length);
      await corrupt();
      expect(await replay(service)).toMatchObject({ status: 'succeeded', recordsRead: records.length });
      await expectSampleAnswers(db);
    });

  long('come to the same when replicas are killed with -9 while they make them', async () => {
    let service = await startWithSample();
    for (let kill = 0; kill < 5; kill++) {
      await corrupt();
      const { id } = await service.post<Replay>('/replays', { source: 'log', ...RANGE });
      await delay(Math.random() * 600);
      await service.kill();
      service = await start();
      expect(await ended(service, id)).toMatchObject({ status: 'succeeded', error: null });
      await expectSampleAnswers(db);
    }
    await expectBalancedLedger(db);
  });
});

/** Valid events at a steady rate, of now and of the range in turn, under keys of their own. */
class Traffic {
  private published = 0;
  private readonly stopping = new AbortController();
  private readonly done: Promise<void>;

  constructor(
    private readonly append: (events: readonly Buffer[]) => Promise<void>,
    private readonly ratePerSecond: number,
  ) {
    this.done = this.run();
  }

  /** @returns how many events were published in all */
  async stop(): Promise<number> {
    this.stopping.abort();
    await this.done;
    return this.published;
  }

  private async run(): Promise<void> {
    const begun = performance.now();
    while (!this.stopping.signal.aborted) {
      const due = Math.floor(((performance.now() - begun) / 1000) * this.ratePerSecond) - this.published;
      if (due < 500) await delay(20);
      else {
        const events = Array.from({ length: Math.min(due, 2_000) }, (_, position) =>
          liveEvent(this.published + position),
        );
        await this.append(events);
        this.published += events.length;
      }
    }
  }
}

const liveEvent = (position: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      msisdn: '77010000001',
      region: 'Live',
      event_type: 'sms',
      event_subtype: 'live',
      timestamp:
        position % 2 ? new Date().toISOString() : `2025-11-08T22:3${position % 10}:0${position % 7}.5Z`,
    }),
  );
