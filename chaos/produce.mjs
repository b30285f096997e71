// @ts-check
import { gzipSync } from 'node:zlib';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import { Writer } from './wire.mjs';

/**
 * A record on its way to the log.
 * @typedef {object} NewRecord
 * @property {Buffer | null} key
 * @property {Buffer | null} value
 * @property {number} timestamp epoch milliseconds; -1 for none
 */

/** @typedef {'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'} Codec */
/** @typedef {{ partition: number, bytes: Buffer }} Batch */

/** By their number in a batch's attributes. @type {readonly Codec[]} */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

const PRODUCE = 0;
const HEADER_BYTES = 61;
const ALL_REPLICAS = -1;
const TIMEOUT_MS = 10_000;

/** @type {Readonly<Record<Codec, (body: Buffer) => Buffer>>} */
export const compress = {
  none: (body) => body,
  gzip: (body) => gzipSync(body, { level: 1 }),
  snappy: (body) => snappy.compressSync(body),
  lz4: (body) => lz4.compressFrameSync(body),
  zstd,
};

/**
 * A record batch as brokers take it: https://kafka.apache.org/documentation/#recordbatch. Clients that make an object of each
 * part of a record take ten times as long, on a machine that broker, database and replicas share.
 * @param {readonly NewRecord[]} records
 * @param {Codec} [codec]
 * @returns {Buffer}
 */
export function encodeBatch(records, codec = 'none') {
  const firstTimestamp = records[0]?.timestamp ?? 0;
  const body = compress[codec](encodeRecords(records, firstTimestamp));
  const batch = Buffer.alloc(HEADER_BYTES + body.length);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12); // epoch of the leader
  batch.writeInt8(2, 16);
  batch.writeInt16BE(codecs.indexOf(codec), 21);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(firstTimestamp), 27);
  const newest = records.reduce((most, { timestamp }) => Math.max(most, timestamp), firstTimestamp);
  batch.writeBigInt64BE(BigInt(newest), 35);
  batch.writeBigInt64BE(-1n, 43); // no producer id, nor epoch, nor sequence
  batch.writeInt16BE(-1, 51);
  batch.writeInt32BE(-1, 53);
  batch.writeInt32BE(records.length, 57);
  body.copy(batch, HEADER_BYTES);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/**
 * Writes batches to the log, one of each partition at most.
 * @param {import('./wire.mjs').Connection} connection
 * @param {string} topic
 * @param {readonly Batch[]} batches
 * @returns {Promise<Map<number, number>>} error codes of the partitions that have refused theirs
 */
export async function produce(connection, topic, batches) {
  const body = new Writer()
    .int16(-1) // no transaction
    .int16(ALL_REPLICAS)
    .int32(TIMEOUT_MS)
    .array([topic], (topics, name) =>
      topics.string(name).array(batches, (each, { partition, bytes }) => each.int32(partition).blob(bytes)),
    );
  // The first version that may bring zstd.
  const response = await connection.request(PRODUCE, 7, body);
  const answers = response
    .array((topics) => {
      topics.string();
      return topics.array((each) => {
        const [partition, errorCode] = [each.int32(), each.int16()];
        each.int64(); // offset
        each.int64(); // time of appending
        each.int64(); // start of the log
        return { partition, errorCode };
      });
    })
    .flat();
  return new Map(
    answers.flatMap(({ partition, errorCode }) => (errorCode === 0 ? [] : [[partition, errorCode]])),
  );
}

/** @param {readonly NewRecord[]} records @param {number} firstTimestamp */
function encodeRecords(records, firstTimestamp) {
  const most = records.reduce(
    (sum, { key, value }) => sum + 40 + (key?.length ?? 0) + (value?.length ?? 0),
    0,
  );
  const bytes = Buffer.allocUnsafe(most);
  let at = 0;
  for (const [index, { key, value, timestamp }] of records.entries()) {
    const delta = timestamp - firstTimestamp;
    varint(1 + sizeOf(delta) + sizeOf(index) + sizeOfField(key) + sizeOfField(value) + 1);
    bytes[at++] = 0; // attributes
    varint(delta);
    varint(index);
    field(key);
    field(value);
    bytes[at++] = 0; // headers
  }
  return bytes.subarray(0, at);

  /** @param {Buffer | null} content */
  function field(content) {
    varint(content === null ? -1 : content.length);
    if (content !== null) at += content.copy(bytes, at);
  }

  /** @param {number} number */
  function varint(number) {
    let left = zigzag(number);
    for (; left > 127; left = Math.floor(left / 128)) bytes[at++] = (left % 128) | 128;
    bytes[at++] = left;
  }
}

/** @param {Buffer | null} content */
const sizeOfField = (content) => (content === null ? 1 : sizeOf(content.length) + content.length);

/** @param {number} number */
function sizeOf(number) {
  let size = 1;
  for (let left = zigzag(number); left > 127; left = Math.floor(left / 128)) size++;
  return size;
}

/** @param {number} number */
const zigzag = (number) => (number < 0 ? -2 * number - 1 : 2 * number);

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  return rest;
});

/** CRC-32C (Castagnoli). @param {Buffer} bytes */
function crc32c(bytes) {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at++)
    crc = /** @type {number} */ (CRC[(crc ^ /** @type {number} */ (bytes[at])) & 255]) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** The largest block of a frame. */
const ZSTD_BLOCK = 128 * 1024;

/**
 * A zstd frame of raw blocks, RFC 8878: as good as any for whoever reads it, and Node 20 has no compressor.
 * @param {Buffer} body
 */
function zstd(body) {
  // One segment, its size in 4 bytes; no checksum, no dictionary.
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000, 0, 0, 0, 0]);
  header.writeUInt32LE(body.length, 5);
  /** @type {Buffer[]} */
  const parts = [header];
  for (let from = 0; from === 0 || from < body.length; from += ZSTD_BLOCK) {
    const block = body.subarray(from, from + ZSTD_BLOCK);
    const isLast = from + ZSTD_BLOCK >= body.length;
    const blockHeader = Buffer.alloc(3);
    blockHeader.writeUIntLE((block.length << 3) | (isLast ? 1 : 0), 0, 3);
    parts.push(blockHeader, block);
  }
  return Buffer.concat(parts);
}
