import type { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { appendToLog } from '../support/log.js';
import { expectBalancedLedger, expectSampleAnswers, ledger, sampleRecords } from '../support/sample.js';
import { startService, waitFor, type Service } from '../support/service.js';

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

describe.each(hasKafka ? ['embedded', 'kafka'] : ['embedded'])(
  'windows made anew from the %s log',
  (transport) => {
    let database: TestDatabase;
    let db: DataSource;
    let topic: TestTopic | undefined;
    let services: Service[];

    beforeEach(async () => {
      database = await createTestDatabase();
      db = database.dataSource;
      await db.query('UPDATE batch_control SET paused_at = now()');
      // One partition, as the sample's answers about late events want it.
      topic = transport === 'kafka' ? await createTestTopic(1) : undefined;
      services = [];
    });
    afterEach(async () => {
      for (const service of services) await service.kill();
      await topic?.close();
      await database.drop();
    });

    async function start(env: Record<string, string> = {}): Promise<Service> {
      const service = await startService({ DATABASE_URL: database.url, ...topic?.env, ...env });
      services.push(service);
      return service;
    }

    async function startWithSample(): Promise<Service> {
      const service = await start();
      await appendToLog(service, topic, records, 1);
      await waitFor(
        'the sample to be counted',
        async () => (await ledger(db)).consumed === records.length,
        60_000,
      );
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
  },
);
