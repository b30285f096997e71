import kafkajs from 'kafkajs';
import { parseConfig } from '../dist/config/config.js';
import { AnswerKey } from '../dist/simulator/core/answer-key.js';
import { defaultWeights } from '../dist/simulator/core/default-weights.js';
import { EventGenerator } from '../dist/simulator/core/event-generator.js';
import { runRules } from '../dist/simulator/core/run-rules.js';
import { partitionOf } from '../dist/transport/core/partitioner.js';
import { producerOptions } from '../dist/transport/kafka/kafka-client.js';
import { KafkaPublisher } from '../dist/transport/kafka/kafka.publisher.js';

/** Events that are generated while those before them are on their way. */
const CHUNK_EVENTS = 8_000;

/**
 * Fills a new topic with simulated events, in event-time order, the newest a second ago, each in the partition of its key.
 * They go out in requests of 384 KiB, so the batches of the log have that much by the number of partitions.
 * @param {{ brokers: string, topic: string, events: number, partitions: number, compression?: string, invalidRate?: number,
 *   eventsPerSecond?: number }} load compression: Kafka's name of one; it is the broker that compresses, each batch as it
 *   comes. eventsPerSecond: density in event time
 * @returns {Promise<{ bytes: number, answer: import('../dist/simulator/core/answer-key.js').Answer }>} bytes of all values,
 *   and what a pipeline with the default configuration must make of them
 */
export async function loadTopic({
  brokers,
  topic,
  events,
  partitions,
  compression = 'none',
  invalidRate = 0.01,
  eventsPerSecond = 5_000,
}) {
  await createTopic(brokers, topic, partitions, compression);
  const config = parseConfig({ KAFKA_BROKERS: brokers });
  const key = new AnswerKey(runRules(config), Array(partitions).fill(null), Date.now(), false);
  // Events of the week before last would begin windows of their own.
  const invalidWeights = { ...defaultWeights.invalidWeights, too_late: 0 };
  const generator = new EventGenerator({ seed: 7, invalidRate, invalidWeights });
  const step = 1_000_000 / eventsPerSecond;
  const start = (Date.now() - 1_000) * 1_000 - events * step;
  const publisher = new KafkaPublisher(producerOptions(config), topic);
  let bytes = 0;
  let sent = Promise.resolve();
  for (let at = 0; at < events; at += CHUNK_EVENTS) {
    const chunk = [];
    for (let i = at; i < Math.min(events, at + CHUNK_EVENTS); i++) {
      const event = generator.next(Math.floor(start + i * step));
      const partition = partitionOf(Buffer.from(event.key), partitions);
      key.add({ event: event.event, fault: event.fault, dueAt: 0 }, partition);
      bytes += event.value?.length ?? 0;
      chunk.push({ key: event.key, value: event.value, partition });
    }
    await sent;
    sent = publisher.publish(chunk);
  }
  await sent;
  await publisher.onApplicationShutdown();
  return { bytes, answer: key.answer() };
}

async function createTopic(brokers, topic, partitions, compression) {
  const admin = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.ERROR }).admin();
  await admin.connect();
  const configEntries = compression === 'none' ? [] : [{ name: 'compression.type', value: compression }];
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: partitions, configEntries }],
  });
  await admin.disconnect();
}
