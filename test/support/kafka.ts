import { randomBytes } from 'node:crypto';
import kafkajs, { type Kafka, type Producer } from 'kafkajs';

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
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: partitions, configEntries }],
  });
  await admin.disconnect();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  return {
    brokers,
    topic,
    kafka,
    producer,
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
    close: () => producer.disconnect(),
  };
}
