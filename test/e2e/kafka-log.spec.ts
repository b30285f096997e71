import kafkajs from 'kafkajs';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { registerCodecs } from '../support/kafka-codecs.js';
import { consoleProduce } from '../support/kafka-tools.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { long } from '../support/long.js';
import { expectBalancedLedger, expectSampleAnswers, ledger, sampleRecords } from '../support/sample.js';
import { startService, waitFor, type Service } from '../support/service.js';

const suite = hasKafka ? describe : describe.skip;

suite("Kafka's log, in all its forms", () => {
  let database: TestDatabase;
  let topic: TestTopic;
  let service: Service | undefined;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await service?.kill();
    service = undefined;
    await topic.close();
    await database.drop();
  });

  const total = (): Promise<Record<string, number>> => ledger(database.dataSource);
  const allConsumed = (offsets: number): Promise<boolean> =>
    waitFor('the log to be read', async () => (await total()).consumed === offsets, 60_000);
  const start = async (env: Record<string, string> = {}): Promise<Service> =>
    (service = await startService({ DATABASE_URL: database.url, ...topic.env, ...env }));
  const event = (minutesAgo = 0): Buffer =>
    Buffer.from(
      JSON.stringify({
        msisdn: '1',
        event_type: 'sms',
        timestamp: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
      }),
    );

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'batches compressed by the Java client with %s are read',
    async (codec) => {
      topic = await createTestTopic(1);
      // The console producer cannot send empty lines' tombstones nor invalid bytes; the sample has neither.
      await consoleProduce(topic, codec, sampleRecords());
      await start();
      await allConsumed(12_000);
      await expectSampleAnswers(database.dataSource);
      await expectBalancedLedger(database.dataSource);
    },
  );

  it.each(['Snappy', 'LZ4'] as const)('batches compressed by kafkajs with %s are read', async (codec) => {
    registerCodecs();
    topic = await createTestTopic(1);
    await topic.producer.send({
      topic: topic.topic,
      compression: kafkajs.CompressionTypes[codec],
      messages: Array.from({ length: 500 }, () => ({ value: event() })),
    });
    await start();
    await allConsumed(500);
    expect(await total()).toMatchObject({ counted: 500, anomalies: 0 });
  });

  it('aborted transactions are not counted, control records and gaps are skipped in the ledger', async () => {
    topic = await createTestTopic(1);
    const producer = topic.kafka.producer({
      transactionalId: topic.topic,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    for (const outcome of ['commit', 'abort', 'commit', 'abort', 'abort'] as const) {
      const transaction = await producer.transaction();
      await transaction.send({
        topic: topic.topic,
        messages: Array.from({ length: 10 }, () => ({ value: event() })),
      });
      await transaction[outcome]();
    }
    await start();
    // 5 × (10 records + 1 control record); 2 × 10 of them are visible.
    await allConsumed(55);
    expect(await total()).toMatchObject({ counted: 20, skipped: 35 });

    // The log goes on after a tail without visible records.
    await topic.publish([event()]);
    await waitFor('the next event', async () => (await total()).counted === 21);
    await expectBalancedLedger(database.dataSource);
    await producer.disconnect();
  });

  it('a partition whose log was cut off beyond the checkpoint halts, loudly, until it is acknowledged; others go on', async () => {
    topic = await createTestTopic(2);
    await topic.publish(
      Array.from({ length: 20 }, () => event()),
      (position) => position % 2,
    );
    const first = await start();
    await allConsumed(20);
    await first.stop();

    await topic.publish(
      Array.from({ length: 20 }, () => event()),
      (position) => position % 2,
    );
    const admin = topic.kafka.admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic.topic); // kafkajs asks for no metadata of its own here
    await admin.deleteTopicRecords({ topic: topic.topic, partitions: [{ partition: 0, offset: '15' }] });
    await admin.disconnect();

    const second = await start();
    const statusOf = async (partition: number) =>
      (
        await second.get<{
          partitions: { partition: number; status: string; position: string; lag: number }[];
        }>('/pipeline')
      ).partitions.find((each) => each.partition === partition)!;
    await waitFor('partition 0 to halt', async () => (await statusOf(0)).status === 'halted');
    await waitFor('partition 1 to go on', async () => (await statusOf(1)).position === '20');
    expect(await statusOf(0)).toMatchObject({ position: '10' });
    expect(second.output()).toMatch(
      /Partition 0 is HALTED: the log begins at offset 15, after the checkpoint 10: 5 records are lost/,
    );

    expect(await second.post('/pipeline/partitions/0/acknowledge')).toMatchObject({
      partition: 0,
      reason: 'log_truncated',
      from: '10',
      to: '15',
    });
    await waitFor('partition 0 to go on', async () => (await statusOf(0)).position === '20');
    const again = await fetch(`${second.url}/pipeline/partitions/0/acknowledge`, { method: 'POST' });
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([
      409,
      'partition_not_halted',
    ]);
    expect(await total()).toMatchObject({ consumed: 35, counted: 35 });
    await expectBalancedLedger(database.dataSource);
  });

  describe('a topic that is deleted and created anew halts, and is read as a new incarnation once that is acknowledged:', () => {
    const reasons = async (): Promise<(string | null)[]> => {
      const rows: { reason: string | null }[] = await database.dataSource.query(
        `SELECT halted_reason AS reason FROM ingest_partitions ORDER BY partition`,
      );
      return rows.map(({ reason }) => reason);
    };
    const replaced = (...expected: (string | null)[]): Promise<unknown> =>
      waitFor('the partitions to halt', async () => String(await reasons()) === String(expected));
    const anomalies = (): Promise<unknown[]> =>
      database.dataSource.query(`SELECT partition, incarnation, "offset" FROM anomalies ORDER BY id`);
    const records = (count: number): Buffer[] => [
      Buffer.from('not json'),
      ...Array.from({ length: count - 1 }, () => event()),
    ];

    it.each([
      ['longer', 30],
      ['shorter', 2],
    ])('one that is %s, while nobody reads', async (_, count) => {
      topic = await createTestTopic(1);
      await topic.publish(records(10));
      const first = await start();
      await allConsumed(10);
      await first.stop();
      await topic.recreate(1);
      await topic.publish(records(count));

      const second = await start();
      await replaced('log_replaced');
      await waitFor('it to say so', () =>
        second.output().includes('Partition 0 is HALTED: the topic was deleted and created anew'),
      );
      expect(await total()).toMatchObject({ consumed: 10 });
      expect(await second.post('/pipeline/partitions/0/acknowledge')).toEqual({
        ...{ partition: 0, reason: 'log_replaced', from: '10', to: '0', incarnation: 2 },
      });
      await allConsumed(10 + count);
      expect(await total()).toMatchObject({ counted: 8 + count, anomalies: 2 });
      expect(await anomalies()).toEqual([
        { partition: 0, incarnation: 1, offset: '0' },
        { partition: 0, incarnation: 2, offset: '0' },
      ]);
      await expectBalancedLedger(database.dataSource);
    });

    it('one that is longer, while it is read; each partition goes on by itself', async () => {
      topic = await createTestTopic(2);
      await topic.publish(records(20), (position) => position % 2);
      const service = await start();
      await allConsumed(20);
      await topic.recreate(2);
      await topic.publish(records(200), (position) => position % 2);
      await replaced('log_replaced', 'log_replaced');
      expect(await total()).toMatchObject({ consumed: 20 });

      await service.post('/pipeline/partitions/0/acknowledge');
      await allConsumed(120);
      expect(await reasons()).toEqual([null, 'log_replaced']);
      // Once more, before the other one is acknowledged.
      await topic.recreate(2);
      await topic.publish(records(400), (position) => position % 2);
      await replaced('log_replaced', 'log_replaced');
      for (const partition of [0, 1]) await service.post(`/pipeline/partitions/${partition}/acknowledge`);
      await allConsumed(520);
      expect(await anomalies()).toEqual(
        [1, 2, 3].map((incarnation) => ({
          ...{ partition: 0, incarnation, offset: '0' },
        })),
      );
      await expectBalancedLedger(database.dataSource);
    });

    // kafkajs takes half a minute to notice; the chaos suite deletes topics beneath replicas too.
    long('in between the service waits for it, not ready, and does not create it itself', async () => {
      topic = await createTestTopic(1);
      await topic.publish(records(10));
      const service = await start();
      await allConsumed(10);
      const admin = topic.kafka.admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [topic.topic] });
      // Which kafkajs notices when its metadata is old.
      const missing = `the topic ${topic.topic} does not exist`;
      await waitFor(
        'the service to say so',
        () => service.output().includes(`Waiting until somebody creates it anew: ${missing}`),
        90_000,
      );
      const ready = await fetch(`${service.url}/health/ready`);
      expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining(missing)]);
      expect(await admin.listTopics()).not.toContain(topic.topic);
      expect(await total()).toMatchObject({ consumed: 10 });
      await admin.disconnect();

      await topic.recreate(1);
      await topic.publish(records(50));
      await replaced('log_replaced');
      await service.post('/pipeline/partitions/0/acknowledge');
      await allConsumed(60);
      expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
      await expectBalancedLedger(database.dataSource);
    });
  });

  it('START_FROM=latest begins at the end, once; afterwards the checkpoint counts', async () => {
    topic = await createTestTopic(1);
    await topic.publish(Array.from({ length: 5 }, () => event()));
    const first = await start({ START_FROM: 'latest' });
    await waitFor(
      'the partition to be claimed',
      async () => (await first.get<{ partitions: unknown[] }>('/pipeline')).partitions.length === 1,
    );
    await topic.publish([event()]);
    await allConsumed(1);
    await first.stop();
    await topic.publish([event(), event()]);
    await start({ START_FROM: 'latest' });
    await allConsumed(3);
    expect(await total()).toMatchObject({ counted: 3, skipped: 0 });
  });
});
