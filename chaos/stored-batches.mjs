// @ts-check
import { gunzipSync } from 'node:zlib';
import { decompress as unzstd } from 'fzstd';
import lz4 from 'lz4-napi';
import snappy from 'snappy';

/*
 * Record batches as brokers store and send them: https://kafka.apache.org/documentation/#recordbatch, of which this is a reader
 * of its own, apart from that of the pipeline.
 */

/** @typedef {import('./oracle.mjs').LogRecord} LogRecord */
/** @typedef {{ producerId: number, firstOffset: number }} AbortedTransaction */

const HEADER_BYTES = 61;
const [APPEND_TIME, TRANSACTIONAL, CONTROL] = [8, 16, 32];
/** Of the value of a control record's key. */
const ABORT = 0;

/** @type {((body: Buffer) => Uint8Array | string)[]} by the lowest three bits of a batch's attributes */
const decompress = [
  (body) => body,
  (body) => gunzipSync(body),
  unsnappy,
  (body) => lz4.decompressFrameSync(body),
  (body) => unzstd(body),
];

/**
 * What a reader of committed transactions gets to see of the batches of one answer.
 * @param {Buffer} bytes the last batch may be cut off
 * @param {readonly AbortedTransaction[]} abortedTransactions that reach into these batches
 * @param {(record: LogRecord) => void} take
 * @returns {number | null} the offset behind the last whole batch; null when there is none
 */
export function readBatches(bytes, abortedTransactions, take) {
  const starting = abortedTransactions.toSorted((one, other) => one.firstOffset - other.firstOffset);
  /** @type {Set<number>} producers in the midst of a transaction that came to nothing */
  const aborted = new Set();
  let next = null;
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const size = 12 + bytes.readInt32BE(at + 8);
    if (at + size > bytes.length) break;
    const batch = bytes.subarray(at, at + size);
    at += size;
    const magic = batch.readInt8(16);
    if (magic !== 2) throw new Error(`a batch of the format ${magic}`);
    const lastOffset = Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23);
    next = lastOffset + 1;
    for (let first; (first = starting[0]) && first.firstOffset <= lastOffset; starting.shift())
      aborted.add(first.producerId);
    const attributes = batch.readInt16BE(21);
    const producerId = Number(batch.readBigInt64BE(43));
    if (attributes & CONTROL) {
      readRecords(batch, attributes, ({ key }) => {
        if (key?.readInt16BE(2) === ABORT) aborted.delete(producerId);
      });
    } else if (!(attributes & TRANSACTIONAL && aborted.has(producerId))) readRecords(batch, attributes, take);
  }
  return next;
}

/**
 * @param {Buffer} batch
 * @param {number} attributes
 * @param {(record: LogRecord & { key: Buffer | null }) => void} take
 */
function readRecords(batch, attributes, take) {
  const firstOffset = Number(batch.readBigInt64BE(0));
  const firstTimestamp = Number(batch.readBigInt64BE(27));
  const appendTimestamp = attributes & APPEND_TIME ? Number(batch.readBigInt64BE(35)) : null;
  const records = batch.readInt32BE(57);
  const unpack = decompress[attributes & 7];
  if (!unpack) throw new Error(`a batch of the compression ${attributes & 7}`);
  const unpacked = unpack(batch.subarray(HEADER_BYTES));
  const body = typeof unpacked === 'string' ? Buffer.from(unpacked, 'latin1') : asBuffer(unpacked);
  let at = 0;
  for (let read = 0; read < records; read++) {
    const length = varint();
    const end = at + length;
    at++; // attributes, of which there are none
    const timestamp = appendTimestamp ?? firstTimestamp + varint();
    if (appendTimestamp !== null) varint();
    const offset = firstOffset + varint();
    const key = field();
    const value = field();
    take({ offset, timestamp, key, value });
    at = end; // headers are of no interest
  }

  function field() {
    const length = varint();
    if (length < 0) return null;
    at += length;
    return body.subarray(at - length, at);
  }

  function varint() {
    let result = 0;
    let unit = 1;
    for (;;) {
      const byte = body[at++] ?? 0;
      result += (byte & 127) * unit;
      if (byte < 128) return result % 2 === 0 ? result / 2 : -(result + 1) / 2;
      // Beyond 53 bits a number is no longer exact; only timestamps far off are so large.
      unit *= 128;
    }
  }
}

/** @param {Uint8Array} bytes */
const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Snappy as the Java clients frame it, or bare. @param {Buffer} body */
function unsnappy(body) {
  if (body.toString('latin1', 1, 7) !== 'SNAPPY') return snappy.uncompressSync(body);
  /** @type {Uint8Array[]} */
  const blocks = [];
  for (let at = 16; at < body.length;) {
    const size = body.readUInt32BE(at);
    const block = snappy.uncompressSync(body.subarray(at + 4, at + 4 + size));
    blocks.push(typeof block === 'string' ? Buffer.from(block) : block);
    at += 4 + size;
  }
  return Buffer.concat(blocks);
}
