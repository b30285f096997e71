import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import type { Config } from '../../config/config.js';
import type { LogBounds } from '../event-source.js';
import { FetchRefusedError } from './fetch-api.js';
import { clientOptions } from './kafka-client.js';
import { KafkaCluster } from './kafka-cluster.js';
import { boundsOf } from './topic-bounds.js';

/** Of a question that a log did not answer since it has changed just now. */
const ATTEMPTS = 3;
const RETRY_MS = 100;

/** What the service asks of the cluster besides records: the topic's existence and bounds. */
export class KafkaAdmin {
  private readonly admin: Admin;
  private readonly cluster: KafkaCluster;
  private connecting: Promise<void> | null = null;

  constructor(
    kafka: Kafka,
    private readonly config: Config,
  ) {
    this.admin = kafka.admin({ retry: { initialRetryTime: 100, retries: 1 } });
    this.cluster = new KafkaCluster(clientOptions(config), config.KAFKA_TOPIC);
  }

  /** Creates the topic when it is missing. @returns whether it was created */
  async ensureTopic(): Promise<boolean> {
    const {
      KAFKA_TOPIC: topic,
      KAFKA_TOPIC_PARTITIONS: numPartitions,
      KAFKA_TOPIC_REPLICATION: replicationFactor,
    } = this.config;
    return this.ask(async (admin) => {
      try {
        await admin.fetchTopicMetadata({ topics: [topic] });
        return false;
      } catch (error) {
        if (!isUnknownTopic(error)) throw error;
        return admin.createTopics({
          topics: [{ topic, numPartitions, replicationFactor }],
          waitForLeaders: true,
        });
      }
    });
  }

  /** Bounds of every partition of the topic. @throws UnknownTopicError, or why they cannot be asked for now */
  async bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    for (let attempt = 1; ; attempt++) {
      const topic = await this.cluster.leaders();
      const ends = await this.ask((admin) => admin.fetchTopicOffsets(this.config.KAFKA_TOPIC));
      try {
        return await boundsOf(
          this.cluster,
          topic,
          new Map(ends.map(({ partition, high }) => [partition, BigInt(high)])),
        );
      } catch (error) {
        if (!(error instanceof FetchRefusedError) || attempt === ATTEMPTS) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  /** First offset of each partition whose record was written at this instant (epoch milliseconds) or later, or its end. */
  async offsetsAt(instant: number): Promise<ReadonlyMap<number, bigint>> {
    const offsets = await this.ask((admin) =>
      admin.fetchTopicOffsetsByTimestamp(this.config.KAFKA_TOPIC, instant),
    );
    return new Map(offsets.map(({ partition, offset }) => [partition, BigInt(offset)]));
  }

  /** Whether Kafka deletes records that have newer ones of the same key; false when we may not know. */
  async isCompacted(): Promise<boolean> {
    const { KAFKA_TOPIC: name } = this.config;
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: ['cleanup.policy'] }];
    try {
      const described = await this.ask((admin) =>
        admin.describeConfigs({ resources, includeSynonyms: false }),
      );
      return described.resources.some(({ configEntries }) =>
        configEntries.some(({ configValue }) => configValue.includes('compact')),
      );
    } catch (error) {
      if (error instanceof kafkajs.KafkaJSProtocolError && error.type.endsWith('AUTHORIZATION_FAILED'))
        return false;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.admin.disconnect().catch(() => undefined);
    await this.cluster.close();
  }

  private async ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    this.connecting ??= this.admin.connect();
    try {
      await this.connecting;
      return await question(this.admin);
    } catch (error) {
      // Connect anew next time; kafkajs does not find back by itself when all brokers were away.
      if (!isUnknownTopic(error)) {
        this.connecting = null;
        await this.admin.disconnect().catch(() => undefined);
      }
      throw error;
    }
  }
}

/** Whether kafkajs gave up because of this. */
export const isUnknownTopic = (error: unknown): boolean =>
  error instanceof kafkajs.KafkaJSNumberOfRetriesExceeded
    ? isUnknownTopic(error.cause)
    : error instanceof kafkajs.KafkaJSProtocolError && error.type === 'UNKNOWN_TOPIC_OR_PARTITION';
