// @ts-check
import { setTimeout as delay } from 'node:timers/promises';
import { LogReader } from './log.mjs';
import { LogOracle } from './oracle.mjs';
import { kafkaAt, transactional } from './producers.mjs';
import { TrafficMaker } from './traffic-events.mjs';

/** For a topic that the broker compacts soon, when it is one with {@link compactingBroker}. */
export const compactedTopicConfig = [
  { name: 'cleanup.policy', value: 'compact' },
  { name: 'segment.ms', value: '200' },
  { name: 'min.cleanable.dirty.ratio', value: '0.001' },
  { name: 'max.compaction.lag.ms', value: '1' },
  { name: 'delete.retention.ms', value: '0' },
];

/** Of the broker: it looks every 15 s only by default. */
export const compactingBroker = { 'log.cleaner.backoff.ms': 100 };

const ROUNDS = 10;
const RECORDS = 500;
/** Fewer keys than records: of most, an older record goes. */
const KEYS = 100;
const STILL_MS = 2_000;
const PATIENCE_MS = 60_000;

/**
 * Fills a topic, and waits until the broker has compacted it: what is left has gaps between batches and within them, and batches
 * without a record, for a broker keeps the last one of each idempotent producer. Nobody may read it before, for he would see more
 * than those who come after.
 * @param {object} target
 * @param {string} target.brokers one broker, `host:port`
 * @param {string} target.topic created with {@link compactedTopicConfig}
 * @param {number} target.partitions
 * @param {number} [target.seed]
 * @returns {Promise<{ sent: number, left: number }>}
 */
export async function publishCompacted({ brokers, topic, partitions, seed = 1 }) {
  const kafka = kafkaAt(brokers);
  const maker = new TrafficMaker({ seed, partitions });
  for (let round = 0; round < ROUNDS; round++) {
    // One each, so that there is more than one last batch.
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    await producer.send({ topic, messages: messagesOf(maker), compression: round % 5 });
    await producer.disconnect();
    const inTransactions = await transactional(kafka);
    const transaction = await inTransactions.transaction();
    await transaction.send({ topic, messages: messagesOf(maker) });
    await (round % 2 === 0 ? transaction.commit() : transaction.abort());
    await inTransactions.disconnect();
    // Only segments that are closed are compacted, and it takes a record to close one.
    await delay(250);
  }
  const left = await untilStill({ brokers, topic });
  return { sent: ROUNDS * RECORDS * 1.5, left };
}

/** @param {TrafficMaker} maker */
const messagesOf = (maker) =>
  Array.from({ length: RECORDS }, (_, index) => {
    const { value, partition } = maker.next(Date.now() * 1000);
    return { key: `key-${index % KEYS}-${partition}`, value, partition };
  });

/** @param {{ brokers: string, topic: string }} target */
async function untilStill(target) {
  const deadline = Date.now() + PATIENCE_MS;
  for (let [last, since] = [-1, 0]; Date.now() < deadline; await delay(200)) {
    const records = await count(target);
    if (records !== last) [last, since] = [records, Date.now()];
    else if (records < (ROUNDS * RECORDS) / 2 && Date.now() - since > STILL_MS) return records;
  }
  throw new Error(`${target.topic} was not compacted within ${PATIENCE_MS / 1000} s`);
}

/** @param {{ brokers: string, topic: string }} target */
async function count(target) {
  const rules = { maxEventBytes: 1, maxLatenessMs: 0, watermarkDelayMs: 0, deduplicationMs: 0 };
  const oracle = new LogOracle({ ...rules, lateEvents: 'amend' });
  const reader = new LogReader({ ...target, oracle });
  await reader.readOn();
  reader.close();
  return [...oracle.answer().partitions.values()].reduce((sum, { records }) => sum + records, 0);
}
