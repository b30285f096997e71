// @ts-check
import { Writer } from './wire.mjs';

/** @typedef {import('./wire.mjs').Connection} Connection */

/**
 * @typedef {object} Fetched
 * @property {number} partition
 * @property {number} errorCode 0 for none
 * @property {import('./stored-batches.mjs').AbortedTransaction[]} aborted
 * @property {Buffer} bytes record batches, the last of which may be cut off
 */

export const [EARLIEST, LATEST] = [-2, -1];
export const [READ_UNCOMMITTED, READ_COMMITTED] = [0, 1];
export const OFFSET_OUT_OF_RANGE = 1;

const [FETCH, LIST_OFFSETS, METADATA] = [1, 2, 3];
const NO_REPLICA = -1;
const [NO_SESSION, NO_SESSION_EPOCH] = [0, -1];
const UNKNOWN_EPOCH = -1;
const NO_FOLLOWER = -1;
const FETCH_BYTES = 16 * 1024 * 1024;
const PARTITION_BYTES = 4 * 1024 * 1024;
const MAX_WAIT_MS = 500;

/**
 * https://kafka.apache.org/protocol#The_Messages_Fetch
 * @param {Connection} connection
 * @param {string} topic
 * @param {readonly { partition: number, offset: number }[]} from
 * @returns {Promise<Fetched[]>}
 */
export async function fetchBatches(connection, topic, from) {
  const body = new Writer()
    .int32(NO_REPLICA)
    .int32(MAX_WAIT_MS)
    .int32(1) // bytes that are worth an answer
    .int32(FETCH_BYTES)
    .int8(READ_COMMITTED)
    .int32(NO_SESSION)
    .int32(NO_SESSION_EPOCH)
    .array([topic], (topics, name) =>
      topics
        .string(name)
        .array(from, (each, { partition, offset }) =>
          each.int32(partition).int32(UNKNOWN_EPOCH).int64(offset).int64(NO_FOLLOWER).int32(PARTITION_BYTES),
        ),
    )
    .int32(0); // forgotten topics
  // The first version that gets zstd.
  const response = await connection.request(FETCH, 10, body);
  response.int32(); // throttle time
  const refusal = response.int16();
  if (refusal !== 0) throw new Error(`the broker refuses to be read from: error ${refusal}`);
  response.int32(); // session
  return response
    .array((topics) => {
      topics.string();
      return topics.array((each) => {
        const [partition, errorCode] = [each.int32(), each.int16()];
        each.int64(); // high watermark
        each.int64(); // last stable offset
        each.int64(); // start of the log
        const aborted = each.array((all) => ({ producerId: all.int64(), firstOffset: all.int64() }));
        return { partition, errorCode, aborted, bytes: each.blob() };
      });
    })
    .flat();
}

/**
 * The partitions of a topic.
 * @param {Connection} connection
 * @param {string} topic
 * @returns {Promise<number[]>}
 */
export async function listPartitions(connection, topic) {
  const body = new Writer().array([topic], (topics, name) => topics.string(name)).int8(0);
  const response = await connection.request(METADATA, 4, body);
  response.int32(); // throttle time
  response.array((brokers) => [brokers.int32(), brokers.string(), brokers.int32(), brokers.string()]);
  response.string(); // cluster
  response.int32(); // controller
  const found = response.array((topics) => {
    const errorCode = topics.int16();
    topics.string();
    topics.int8(); // whether it is internal
    const partitions = topics.array((each) => {
      const [partitionError, partition] = [each.int16(), each.int32()];
      each.int32(); // leader
      each.array((replicas) => replicas.int32());
      each.array((inSync) => inSync.int32());
      return { errorCode: partitionError, partition };
    });
    return { errorCode, partitions };
  });
  for (const { errorCode } of [...found, ...found.flatMap(({ partitions }) => partitions)])
    if (errorCode !== 0) throw new Error(`the topic ${topic} cannot be read: error ${errorCode}`);
  return found.flatMap(({ partitions }) => partitions.map(({ partition }) => partition));
}

/**
 * One offset of each partition.
 * @param {Connection} connection
 * @param {string} topic
 * @param {readonly number[]} partitions
 * @param {number} at EARLIEST, LATEST
 * @param {number} isolation
 * @returns {Promise<Map<number, number>>}
 */
export async function listOffsets(connection, topic, partitions, at, isolation) {
  const body = new Writer()
    .int32(NO_REPLICA)
    .int8(isolation)
    .array([topic], (topics, name) =>
      topics.string(name).array(partitions, (each, partition) => each.int32(partition).int64(at)),
    );
  const response = await connection.request(LIST_OFFSETS, 2, body);
  response.int32(); // throttle time
  const offsets = response
    .array((topics) => {
      topics.string();
      return topics.array((each) => {
        const [partition, errorCode] = [each.int32(), each.int16()];
        each.int64(); // timestamp
        return { partition, errorCode, offset: each.int64() };
      });
    })
    .flat();
  for (const { partition, errorCode } of offsets)
    if (errorCode !== 0) throw new Error(`partition ${partition} has no offsets: error ${errorCode}`);
  return new Map(offsets.map(({ partition, offset }) => [partition, offset]));
}
