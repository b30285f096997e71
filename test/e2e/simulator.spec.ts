import type { DataSource } from 'typeorm';
import type { Run } from '../../src/simulator/simulator.schemas.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { expectBalancedLedger, ledger } from '../support/sample.js';
import { startService, waitFor, type Service } from '../support/service.js';

/** Of everything some. */
const EVERYTHING = {
  eventsPerSecond: 5000,
  timeScale: 60,
  diurnal: true,
  bursts: { everySeconds: 2, durationSeconds: 0.5, factor: 3 },
  regionWeights: { Almaty: 3, Қарағанды: 1 },
  invalidRate: 0.05,
  futureRate: 0.02,
  lateRate: 0.1,
  lateSeconds: 3600,
  outOfOrderSeconds: 30,
  duplicateRate: 0.05,
};

const ended = (service: Service): Promise<Run> =>
  waitFor('the end of the run', async () => {
    const { status, run } = await service.get<{ status: string; run: Run | null }>('/simulator');
    return status === 'idle' ? run : null;
  });

describe('a run on the embedded log', () => {
  /** The log of a new service after a run. */
  async function logOf(body: object): Promise<string[]> {
    const database = await createTestDatabase();
    const service = await startService({ DATABASE_URL: database.url });
    try {
      await service.post('/simulator/start', body);
      expect(await ended(service)).toMatchObject({ status: 'finished', sent: 5000 });
      return await payloads(database.dataSource);
    } finally {
      await service.stop();
      await database.drop();
    }
  }

  const payloads = async (database: DataSource): Promise<string[]> => {
    const rows: { payload: Buffer | null }[] = await database.query(
      `SELECT payload FROM event_log ORDER BY "offset"`,
    );
    return rows.map(({ payload }) => payload?.toString('latin1') ?? 'a tombstone');
  };

  it('has the same bytes again in another service, with the same seed, startTime and parameters', async () => {
    const body = { ...EVERYTHING, seed: 7, startTime: '2025-11-08T00:00:00Z', totalEvents: 5000 };
    const first = await logOf(body);
    expect(first).toHaveLength(5000);
    expect(new Set(first).size).toBeLessThan(4900);
    expect(await logOf(body)).toEqual(first);
  });
});

(hasKafka ? describe : describe.skip)('a run on Kafka, with two replicas', () => {
  let database: TestDatabase;
  let topic: TestTopic;
  const services: Service[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    topic = await createTestTopic(4);
    const env = { DATABASE_URL: database.url, ...topic.env };
    services.push(await startService(env), await startService(env));
  });
  afterEach(async () => {
    for (const service of services.splice(0)) await service.kill();
    await topic.close();
    await database.drop();
  });

  const consumed = async (): Promise<number> => (await ledger(database.dataSource)).consumed!;

  it('sends what it says, each event once, paused and stopped by the other replica', async () => {
    const [one, other] = services as [Service, Service];
    await one.post('/simulator/start', { ...EVERYTHING, seed: 7 });
    await waitFor('events', async () => (await consumed()) > 2000);
    await other.post('/simulator/pause');
    const { sent } = await waitFor('all to be counted', async () => {
      const { run } = await one.get<{ run: Run }>('/simulator');
      return run.sent === (await consumed()) ? run : null;
    });
    expect(await other.post('/simulator/resume')).toMatchObject({ status: 'running' });
    await waitFor('more events', async () => (await consumed()) > sent + 2000);
    const run = await other.post<Run>('/simulator/stop');
    expect(run.status).toBe('stopped');
    await waitFor('the rest to be counted', async () => (await consumed()) >= run.sent);
    expect(await one.get(`/simulator/runs/${run.id}`)).toEqual(run);
    await expectBalancedLedger(database.dataSource);
    // Idempotent producers: nothing in the log but what was sent.
    expect(await ledger(database.dataSource)).toMatchObject({ consumed: run.sent, skipped: 0 });
    // 5 % and 2 % of the rest; a month ago, and yet of the future. Of what is whole, 5 % is sent twice.
    const { anomalies, duplicates } = await ledger(database.dataSource);
    expect(Math.abs(duplicates! / run.sent - 0.044)).toBeLessThan(0.02);
    expect(Math.abs(anomalies! / run.sent - 0.069)).toBeLessThan(0.02);
  });

  it('is interrupted with its replica, and the other one can start a new one', async () => {
    const [one, other] = services as [Service, Service];
    const { id } = await one.post<Run>('/simulator/start', { eventsPerSecond: 500 });
    await one.kill();
    await waitFor('the run to be interrupted', async () => {
      const run = await other.get<Run>(`/simulator/runs/${id}`);
      return run.status === 'interrupted';
    });
    expect(await other.post('/simulator/start', { totalEvents: 1 })).toMatchObject({ status: 'running' });
  });
});
