// @ts-check
import { poisonKinds } from './poison-kinds.mjs';
import { codecs, encodeBatch, produce } from './produce.mjs';
import { kafkaAt, transactional } from './producers.mjs';
import { Connection } from './wire.mjs';

/** @typedef {import('./poison-table.mjs').Kind} Kind */

/** What a topic must be created with to take all of it: records of a MiB, and times of records far off. */
export const poisonTopicConfig = [
  { name: 'max.message.bytes', value: String(16 * 1024 * 1024) },
  { name: 'message.timestamp.before.max.ms', value: '9223372036854775807' },
  { name: 'message.timestamp.after.max.ms', value: '9223372036854775807' },
];

/** Records of a batch, one batch after the other. */
const BATCH_SIZES = [1, 2, 7, 1, 50, 400];
/** So far apart that the difference of two has more than 53 bits: for a batch of its own. */
const FAR = 2 ** 52;
const HEADERS = { trace: Buffer.from('7'), empty: '', Қазақша: Buffer.alloc(1000, 0xff) };

/**
 * @typedef {object} PoisonTarget
 * @property {string} brokers one broker, `host:port`, which leads all partitions
 * @property {string} topic created with {@link poisonTopicConfig}
 * @property {number} partitions
 * @property {number} [clock] the time of events, epoch milliseconds; default: now
 * @property {number} [maxEventBytes] of the service
 */

/**
 * Writes all kinds of poison into each partition with each codec, in batches of all sizes; and then once more by idempotent and
 * transactional producers, with transactions that come to nothing among them.
 * @param {PoisonTarget} target
 * @returns {Promise<{ records: number }>} how many there are that a read-committed reader gets to see
 */
export async function publishPoison(target) {
  return {
    records:
      (await publishInBatches(target)) +
      (await publishIdempotently(target)) +
      (await publishInTransactions(target)),
  };
}

/** Each codec, in batches of each size, made by hand. @param {PoisonTarget} target */
export async function publishInBatches({ brokers, topic, partitions, clock = Date.now(), maxEventBytes }) {
  const connection = await Connection.open(brokers);
  let sent = 0;
  try {
    for (let turn = 0; turn < Math.max(partitions, codecs.length); turn++) {
      const partition = turn % partitions;
      const ids = `batch-${turn}-${clock}`;
      // Some MB of them; once each codec is enough.
      const large = turn < codecs.length;
      for (const kinds of inBatches(poisonKinds({ clock, ids, maxEventBytes, large }))) {
        const bytes = encodeBatch(kinds, codecs[turn % codecs.length]);
        const refused = await produce(connection, topic, [{ partition, bytes }]);
        if (refused.size > 0)
          throw new Error(`Error ${refused.get(partition)} for a batch that begins with ${kinds[0]?.name}`);
        sent += kinds.length;
      }
    }
  } finally {
    connection.close();
  }
  return sent;
}

/** By kafkajs, with headers and keys, in requests for all partitions at once. @param {PoisonTarget} target */
export async function publishIdempotently({ brokers, topic, partitions, clock = Date.now() }) {
  const producer = kafkaAt(brokers).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  let sent = 0;
  for (const compression of compressions()) {
    const ids = `idempotent-${compression}-${clock}`;
    const messages = asMessages(poisonKinds({ clock, ids, large: false }), (index) => index % partitions);
    await producer.send({ topic, messages, compression });
    sent += messages.length;
  }
  await producer.disconnect();
  return sent;
}

/**
 * Two transactions at a time whose records lie among each other, with each of the four outcomes; the log ends with one that came to
 * nothing.
 * @param {PoisonTarget} target
 */
export async function publishInTransactions({ brokers, topic, partitions, clock = Date.now() }) {
  const kafka = kafkaAt(brokers);
  const producers = await Promise.all([0, 1].map(() => transactional(kafka)));
  const outcomes = [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ];
  let sent = 0;
  for (const [round, commits] of outcomes.entries()) {
    const open = await Promise.all(producers.map((producer) => producer.transaction()));
    const kinds = poisonKinds({ clock, ids: `transaction-${round}-${clock}`, large: false });
    for (const [turn, batch] of [...inBatches(kinds)].entries()) {
      const [transaction, commit] = [open[turn % 2], commits[turn % 2]];
      const messages = asMessages(batch, (index) => (turn + index) % partitions);
      await transaction?.send({ topic, messages, compression: compressions()[turn % codecs.length] });
      if (commit) sent += messages.length;
    }
    // Control records of one transaction may lie within the other.
    for (const [index, transaction] of open.entries())
      await (commits[index] ? transaction.commit() : transaction.abort());
  }
  await Promise.all(producers.map((producer) => producer.disconnect()));
  return sent;
}

/**
 * A transaction that stays open: nothing behind its first record may be read until it ends.
 * @param {PoisonTarget & { timeoutMs?: number }} target timeoutMs: when the broker gives it up; it looks every 10 s only, unless
 *   `transaction.abort.timed.out.transaction.cleanup.interval.ms` says otherwise
 */
export async function openTransaction({
  brokers,
  topic,
  partitions,
  clock = Date.now(),
  timeoutMs = 60_000,
}) {
  const producer = await transactional(kafkaAt(brokers), timeoutMs);
  const transaction = await producer.transaction();
  const kinds = poisonKinds({ clock, ids: `open-${clock}`, large: false });
  const messages = asMessages(kinds, (index) => index % partitions);
  await transaction.send({ topic, messages });
  return {
    records: messages.length,
    async commit() {
      await transaction.commit();
      await producer.disconnect();
    },
    async abort() {
      await transaction.abort();
      await producer.disconnect();
    },
    /** The producer is gone, as if killed; the broker aborts the transaction by itself. */
    abandon: () => producer.disconnect(),
  };
}

const compressions = () => codecs.map((_, number) => number);

/**
 * Without times of records that kafkajs, which sorts them as texts, makes another of.
 * @param {readonly Kind[]} kinds
 * @param {(index: number) => number} partitionOf
 */
const asMessages = (kinds, partitionOf) =>
  kinds
    .filter(({ timestamp }) => timestamp > 0 && timestamp < FAR)
    .map(({ key, value, timestamp }, index) => ({
      ...{ key, value, timestamp: String(timestamp), partition: partitionOf(index) },
      ...(index % 3 === 0 && { headers: HEADERS }),
    }));

/** @param {readonly Kind[]} kinds */
function* inBatches(kinds) {
  /** @type {Kind[]} */
  let batch = [];
  let turn = 0;
  for (const kind of kinds) {
    const isFar = kind.timestamp > FAR;
    if (batch.length > 0 && (isFar || batch.length >= Number(BATCH_SIZES[turn % BATCH_SIZES.length]))) {
      yield batch;
      batch = [];
      turn++;
    }
    batch.push(kind);
    if (isFar) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
