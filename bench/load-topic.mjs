import kafkajs from 'kafkajs';
import { defaultWeights } from '../dist/simulator/core/default-weights.js';
import { EventGenerator } from '../dist/simulator/core/event-generator.js';

const REQUEST_EVENTS = 5_000;

/**
 * Fills a new topic with simulated events, in event-time order, the newest a second ago.
 * @param {{ brokers: string, topic: string, events: number, partitions: number, compression?: number, invalidRate?: number,
 *   eventsPerSecond?: number, properties?: {name: string, value: string}[] }} load eventsPerSecond: density in event time
 */
export async function loadTopic({
  brokers,
  topic,
  events,
  partitions,
  compression = 0,
  invalidRate = 0.01,
  eventsPerSecond = 5_000,
}) {
  const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] });
  await admin.disconnect();

  const producer = kafka.producer({ maxInFlightRequests: 4 });
  await producer.connect();
  // Events of the week before last would begin windows of their own.
  const invalidWeights = { ...defaultWeights.invalidWeights, too_late: 0 };
  const generator = new EventGenerator({ seed: 7, invalidRate, invalidWeights });
  const step = 1_000_000 / eventsPerSecond;
  const start = (Date.now() - 1_000) * 1_000 - events * step;
  let bytes = 0;
  for (let at = 0; at < events; at += REQUEST_EVENTS) {
    const messages = [];
    for (let i = at; i < Math.min(events, at + REQUEST_EVENTS); i++) {
      const { key, value } = generator.next(Math.floor(start + i * step));
      bytes += value?.length ?? 0;
      messages.push({ key, value });
    }
    await producer.send({ topic, messages, compression });
  }
  await producer.disconnect();
  return { bytes };
}
