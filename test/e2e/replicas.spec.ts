import { setTimeout as delay } from 'node:timers/promises';
import { defaultWeights } from '../../src/simulator/core/default-weights.js';
import { EventGenerator } from '../../src/simulator/core/event-generator.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { anomaliesByReason, expectBalancedLedger, ledger } from '../support/sample.js';
import { startService, waitFor, type Service } from '../support/service.js';

const EVENTS = 200_000;
const suite = hasKafka ? describe : describe.skip;

suite('two replicas in one group', () => {
  let database: TestDatabase;
  let topic: TestTopic;
  const services: Service[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    topic = await createTestTopic(4);
  });
  afterEach(async () => {
    for (const service of services.splice(0)) await service.kill();
    await topic.close();
    await database.drop();
  });

  async function start(env: Record<string, string> = {}): Promise<Service> {
    const service = await startService({ DATABASE_URL: database.url, ...topic.env, ...env });
    services.push(service);
    return service;
  }
  const owners = async (): Promise<number> => {
    const [row]: { owners: string }[] = await database.dataSource.query(
      `SELECT count(DISTINCT owner) AS owners FROM ingest_partitions`,
    );
    return Number(row!.owners);
  };

  /** Publishes generated events and keeps the right answer as it goes, by the rules alone. */
  async function publish(): Promise<{
    types: Record<string, number>;
    anomalies: Record<string, number>;
    micros: bigint;
  }> {
    const generator = new EventGenerator({
      seed: 3,
      invalidRate: 0.02,
      // Whether an event is too late depends on the order of the log.
      invalidWeights: { ...defaultWeights.invalidWeights, too_late: 0 },
    });
    const types: Record<string, number> = {};
    const anomalies: Record<string, number> = {};
    let micros = 0n;
    const start = (Date.now() - 600_000) * 1000;
    let chunk: (Buffer | null)[] = [];
    for (let i = 0; i < EVENTS; i++) {
      const { value, event, fault } = generator.next(start + i * 1000);
      if (fault === null) {
        const key = event.subtype === null ? event.type : `${event.type}_${event.subtype}`;
        types[key] = (types[key] ?? 0) + 1;
        micros += BigInt(Math.round((event.dataMb ?? 0) * 1e6));
      } else anomalies[fault] = (anomalies[fault] ?? 0) + 1;
      chunk.push(value);
      if (chunk.length === 10_000) {
        await topic.publish(chunk, (position) => position % 4);
        chunk = [];
      }
    }
    return { types, anomalies, micros };
  }

  it('lose and double nothing when one is killed with -9 while 200,000 events flow', async () => {
    const first = await start();
    await start();
    await waitFor('both replicas to own partitions', async () => (await owners()) === 2, 60_000);
    const expected = publish();
    await waitFor(
      'events to flow',
      async () => (await ledger(database.dataSource)).consumed! > EVENTS / 5,
      60_000,
    );
    await first.kill();
    const answer = await expected;
    await waitFor(
      'the survivor to finish',
      async () => (await ledger(database.dataSource)).consumed === EVENTS,
      120_000,
    );

    const rows: { metric_key: string; count: string; micros: string }[] = await database.dataSource.query(
      `SELECT metric_key, sum(event_count) AS count, sum(sum_micros) AS micros
         FROM real_time_metrics WHERE metric_type = 'event_type_agg' GROUP BY metric_key`,
    );
    expect(Object.fromEntries(rows.map((row) => [row.metric_key, Number(row.count)]))).toEqual(answer.types);
    expect(BigInt(rows.find((row) => row.metric_key === 'data_session')!.micros)).toBe(answer.micros);
    expect(await anomaliesByReason(database.dataSource)).toEqual(answer.anomalies);
    const [regions]: { count: string }[] = await database.dataSource.query(
      `SELECT sum(event_count) AS count FROM real_time_metrics WHERE metric_type = 'region_agg'`,
    );
    expect(Number(regions!.count)).toBe(Object.values(answer.types).reduce((sum, count) => sum + count, 0));
    await expectBalancedLedger(database.dataSource);
  });

  it('fence off a replica that wakes up after its partitions were given away', async () => {
    const zombie = await start({ FLUSH_INTERVAL: '50ms' });
    await waitFor('the first replica to own all partitions', async () => {
      const { partitions } = await zombie.get<{ partitions: unknown[] }>('/pipeline');
      return partitions.length === 4;
    });
    const expected = publish();
    await waitFor(
      'events to flow',
      async () => (await ledger(database.dataSource)).consumed! > 2_000,
      60_000,
    );
    zombie.signal('SIGSTOP');
    try {
      await expected;
      const heir = await start();
      await waitFor(
        'the other replica to take over and finish',
        async () => (await ledger(database.dataSource)).consumed === EVENTS,
        120_000,
      );
      zombie.signal('SIGCONT');
      await waitFor('both to share the partitions again', async () => (await owners()) === 2, 60_000);
      expect(heir.output()).not.toMatch(/HALTED/);
    } finally {
      zombie.signal('SIGCONT');
    }
    const [row]: { count: string }[] = await database.dataSource.query(
      `SELECT sum(event_count) AS count FROM real_time_metrics WHERE metric_type = 'region_agg'`,
    );
    const { counted, late_counted } = await ledger(database.dataSource);
    expect(Number(row!.count)).toBe(counted! + late_counted!);
    expect((await ledger(database.dataSource)).consumed).toBe(EVENTS);
    await expectBalancedLedger(database.dataSource);
  });

  it('leave each other alone after a flush that was held up across a rebalance', async () => {
    const events = Array.from({ length: 400 }, () =>
      Buffer.from(JSON.stringify({ msisdn: '1', event_type: 'sms', timestamp: new Date().toISOString() })),
    );
    const first = await start();
    await topic.publish(events, (position) => position % 4);
    await waitFor('the first events', async () => (await ledger(database.dataSource)).consumed === 400);

    // The first replica's flush waits for this lock, while the second one joins and takes over half of the partitions.
    const lock = database.dataSource.createQueryRunner();
    await lock.startTransaction();
    await lock.query('SELECT * FROM ingest_partitions WHERE partition = 0 FOR UPDATE');
    await topic.publish(events, (position) => position % 4);
    await waitFor('the flush to wait', async () => {
      const waiting: unknown[] = await database.dataSource.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    });
    const second = await start();
    await waitFor('both to share the partitions', () =>
      [first, second].every((service) => /Joined group \S+ with partitions \d, \d\n/.test(service.output())),
    );
    await lock.commitTransaction();
    await lock.release();
    await waitFor('all events', async () => (await ledger(database.dataSource)).consumed === 800, 60_000);

    const epochs = (): Promise<unknown> =>
      database.dataSource.query('SELECT partition, owner, epoch FROM ingest_partitions ORDER BY partition');
    await waitFor('both to own partitions', async () => (await owners()) === 2);
    const settled = await epochs();
    // A replica takes a fenced partition back after 10 s: by then it must not think that these were its own.
    await delay(13_000);
    expect(await epochs()).toEqual(settled);
    await expectBalancedLedger(database.dataSource);
  });

  it('read a partition on that was halted, acknowledged elsewhere, and given back', async () => {
    const publish = (count: number): Promise<void> =>
      topic.publish(
        Array.from({ length: count }, () =>
          Buffer.from(
            JSON.stringify({ msisdn: '1', event_type: 'sms', timestamp: new Date().toISOString() }),
          ),
        ),
        (position) => position % 4,
      );
    const consumed = async (): Promise<number> => (await ledger(database.dataSource)).consumed!;
    const before = await start();
    await publish(40);
    await waitFor('the first events', async () => (await consumed()) === 40);
    await before.stop();

    // Retention passes the checkpoints: every partition loses its offsets 10 to 14.
    await publish(40);
    const admin = topic.kafka.admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic.topic); // kafkajs asks for no metadata of its own here
    const partitions = [0, 1, 2, 3].map((partition) => ({ partition, offset: '15' }));
    await admin.deleteTopicRecords({ topic: topic.topic, partitions });
    await admin.disconnect();

    const first = await start();
    await waitFor('all partitions to halt', () => first.output().match(/is HALTED/g)?.length === 4);
    const second = await start();
    await waitFor('the second replica to take over some of them', async () => (await owners()) === 2);
    for (const { partition } of partitions)
      await second.post(`/pipeline/partitions/${partition}/acknowledge`);
    await waitFor('what is left', async () => (await consumed()) === 60);

    await second.kill();
    await publish(40);
    await waitFor(
      'the first replica to read all of them again',
      async () => (await consumed()) === 100,
      60_000,
    );
    await expectBalancedLedger(database.dataSource);
  });
});
