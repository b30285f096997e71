import { KafkaBroker } from '../../scripts/kafka/broker.mjs';
import { pickFreePort } from '../../scripts/kafka/ports.mjs';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createTestTopic, hasKafka, kafkaAt, type TestTopic } from '../support/kafka.js';
import { expectBalancedLedger, expectSampleAnswers, ledger, sampleRecords } from '../support/sample.js';
import { startService, waitFor, type Service } from '../support/service.js';

const suite = hasKafka ? describe : describe.skip;

suite('when Kafka is away', () => {
  let database: TestDatabase;
  let broker: KafkaBroker | undefined;
  let service: Service | undefined;
  let topic: TestTopic | undefined;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await service?.kill();
    await topic?.close();
    await broker?.stop();
    await database.drop();
    [service, topic, broker] = [undefined, undefined, undefined];
  });

  const readiness = async (): Promise<number> => (await fetch(`${service!.url}/health/ready`)).status;
  const consumed = async (): Promise<number> => (await ledger(database.dataSource)).consumed!;

  it('at boot, waits and says so; goes on, and creates the topic, once it is there', async () => {
    const port = await pickFreePort();
    const env = {
      DATABASE_URL: database.url,
      KAFKA_BROKERS: `127.0.0.1:${port}`,
      KAFKA_TOPIC: 'made_by_us',
      KAFKA_TOPIC_PARTITIONS: '3',
    };
    service = await startService(env, { until: 'live' });
    expect(await readiness()).toBe(503);
    await waitFor('a line in the log', () =>
      service!.output().includes('is not there, trying again until it is'),
    );
    const refused = await fetch(`${service.url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      503,
      'log_unavailable',
    ]);

    broker = await KafkaBroker.start({ port, fastStart: true });
    await waitFor('the service to be ready', async () => (await readiness()) === 200, 60_000);
    const admin = kafkaAt(broker.bootstrapServers).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: ['made_by_us'] });
    await admin.disconnect();
    expect(topics[0]?.partitions).toHaveLength(3);

    const accepted = await service.post('/events', [
      { msisdn: '1', event_type: 'sms', timestamp: new Date().toISOString() },
    ]);
    expect(accepted).toEqual({ accepted: 1 });
    await waitFor('the event to be taken in', async () => (await consumed()) === 1);
  });

  it('in between, is not ready, and goes on where it stopped when Kafka is back', async () => {
    broker = await KafkaBroker.start({ fastStart: true });
    topic = await createTestTopic(1, { brokers: broker.bootstrapServers });
    const records = sampleRecords();
    await topic.publish(records.slice(0, 6_000));
    service = await startService({ DATABASE_URL: database.url, ...topic.env });
    await waitFor('the first half', async () => (await consumed()) === 6_000);

    await broker.kill();
    await waitFor('the service to be not ready', async () => (await readiness()) === 503);
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${service.url}/metrics`)).status).toBe(200);

    await broker.restart();
    await topic.publish(records.slice(6_000));
    await waitFor('the second half', async () => (await consumed()) === 12_000, 90_000);
    await waitFor('the service to be ready', async () => (await readiness()) === 200, 60_000);
    await expectSampleAnswers(database.dataSource);
    await expectBalancedLedger(database.dataSource);
  });
});
