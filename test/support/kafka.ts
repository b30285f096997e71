import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka, type Producer } from 'kafkajs';

/** A topic of its own at the run's real Kafka broker. */
export interface TestTopic {
  readonly brokers: string;
  readonly topic: string;
  readonly producer: Producer;
  readonly kafka: Kafka;
  /** Environment of a service that reads this topic, in a group of its own. */
  readonly env: Record<string, string>;
  /** Publishes records to the partitions that `partitionOf` says (by position), in order within each. */
  publish(records: readonly (Buffer | null)[], partitionOf?: (position: number) => number): Promise<void>;
  /** Deletes it and creates it anew under its name, empty. */
  recreate(partitions: number): Promise<void>;
  close(): Promise<void>;
}

export function testBrokers(): string {
  const brokers = process.env.TEST_KAFKA_BROKERS;
  if (!brokers)
    throw new Error('TEST_KAFKA_BROKERS is not set: run through "npm test", which starts a real broker');
  return brokers;
}

/** True when Kafka suites can run here; with CI=true they must. */
export const hasKafka = Boolean(process.env.TEST_KAFKA_BROKERS);

export function kafkaAt(brokers: string): Kafka {
  return new kafkajs.Kafka({
    brokers: [brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 20 },
  });
}

export async function createTestTopic(
  partitions: number,
  { brokers = testBrokers(), configEntries = [] as { name: string; value: string }[] } = {},
): Promise<TestTopic> {
  const topic = `test-${randomBytes(6).toString('hex')}`;
  const kafka = kafkaAt(brokers);
  const ask = async (question: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = kafka.admin();
    await admin.connect();
    await question(admin).finally(() => admin.disconnect());
  };
  const create = async (numPartitions: number): Promise<Producer> => {
    await ask((admin) =>
      admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions, configEntries }] }),
    );
    const created = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await created.connect();
    return created;
  };
  let producer = await create(partitions);
  return {
    brokers,
    topic,
    kafka,
    get producer() {
      return producer;
    },
    env: { KAFKA_BROKERS: brokers, KAFKA_TOPIC: topic, KAFKA_GROUP_ID: topic },
    async publish(records, partitionOf = () => 0) {
      const CHUNK = 2_000;
      for (let at = 0; at < records.length; at += CHUNK)
        await producer.send({
          topic,
          messages: records
            .slice(at, at + CHUNK)
            .map((value, i) => ({ value, partition: partitionOf(at + i) })),
        });
    },
    async recreate(numPartitions) {
      await producer.disconnect();
      await ask(async (admin) => {
        if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] });
        while ((await admin.listTopics()).includes(topic)) await delay(50);
      });
      producer = await create(numPartitions);
    },
    close: () => producer.disconnect(),
  };
}
