import { Logger } from '@nestjs/common';
import kafkajs from 'kafkajs';
import type { Config } from '../../config/config.js';
import { PublishError } from '../../transport/event-publisher.js';
import { kafkaOptions, producerOptions } from '../../transport/kafka/kafka-client.js';
import { KafkaAdmin } from '../../transport/kafka/kafka.admin.js';
import { KafkaPublisher } from '../../transport/kafka/kafka.publisher.js';
import type { Ends } from '../core/log-end.js';
import type { RunTarget } from './run-target.js';

/** A topic of any Kafka. */
export class KafkaTarget implements RunTarget {
  readonly publisher: KafkaPublisher;
  readonly topic: string;
  private readonly admin: KafkaAdmin;

  /** @param wanted how many partitions were asked for, if that was said */
  constructor(
    private readonly config: Config,
    private readonly wanted: number | null,
  ) {
    this.topic = config.KAFKA_TOPIC;
    this.publisher = new KafkaPublisher(producerOptions(config), this.topic);
    this.admin = new KafkaAdmin(new kafkajs.Kafka(kafkaOptions(config, new Logger('Kafka'))), config);
  }

  async prepare(note: (line: string) => void): Promise<Ends> {
    const created = await this.ask(() => this.admin.ensureTopic());
    const ends = await this.ends();
    note(
      `${created ? 'Created topic' : 'Topic'} ${this.topic}: ${ends.size} ${ends.size === 1 ? 'partition' : 'partitions'}`,
    );
    if (this.wanted !== null && this.wanted !== ends.size)
      note(`Warning: --partitions ${this.wanted} does not change a topic that is there already`);
    if ([...ends.values()].some((end) => end > 0n))
      note(
        'Warning: the topic is not empty. A pipeline that knows of its events may judge others late or too late than the key says',
      );
    return ends;
  }

  ends(): Promise<Ends> {
    return this.ask(async () => {
      const bounds = await this.admin.bounds();
      return new Map([...bounds].map(([partition, { high }]) => [partition, high]));
    });
  }

  async doubt(expected: Ends): Promise<string | null> {
    const ends = await this.ends().catch((error: unknown) => error as Error);
    if (ends instanceof Error) return ends.message;
    for (const [partition, end] of expected)
      if (ends.get(partition) !== end)
        return `partition ${partition} ends at offset ${ends.get(partition) ?? 'none'} instead of ${end}: others have written to it since the run began`;
    return ends.size === expected.size ? null : 'the topic has other partitions now';
  }

  async close(): Promise<void> {
    await this.publisher.onApplicationShutdown();
    await this.admin.close();
  }

  private async ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (cause) {
      const brokers = this.config.KAFKA_BROKERS?.join(', ') ?? '';
      throw new PublishError(
        'unavailable',
        `Kafka (${brokers}) does not answer: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  }
}
