// @ts-check
import { setTimeout as delay } from 'node:timers/promises';
import {
  EARLIEST,
  fetchBatches,
  LATEST,
  listOffsets,
  listPartitions,
  OFFSET_OUT_OF_RANGE,
  READ_COMMITTED,
  READ_UNCOMMITTED,
} from './log-requests.mjs';
import { readBatches } from './stored-batches.mjs';
import { Connection } from './wire.mjs';

/**
 * Bounds of a partition's log.
 * @typedef {object} Bounds
 * @property {number} low first offset there is
 * @property {number} stable behind the last record that read-committed readers may see; where a checkpoint must come to
 * @property {number} high high watermark; beyond `stable` while a transaction is open
 */

/**
 * How far a partition was read.
 * @typedef {object} Progress
 * @property {number} nextOffset
 * @property {number} consumed offsets that were read over, in all incarnations: records and those without one
 */

const RETRY_MS = 250;

/** The log no longer has what was to be read next. */
export class LogLostError extends Error {}

/**
 * Reads a topic as read-committed consumers do, without a group, and hands each record to an oracle. It speaks Kafka's protocol
 * itself, so that it knows of every offset, also of those without a record; and it is fast: a test reads ten million records.
 */
export class LogReader {
  #options;
  /** @type {Connection | null} */
  #connection = null;
  /** @type {Map<number, Progress>} */
  #progress = new Map();

  /**
   * @param {object} options
   * @param {string} options.brokers one broker, `host:port`, which leads all partitions
   * @param {string} options.topic
   * @param {import('./oracle.mjs').LogOracle} options.oracle
   * @param {ReadonlyMap<number, number>} [options.from] where to begin; 0 for partitions that it leaves out
   * @param {number} [options.patienceMs] for how long the broker may be away or without the topic
   */
  constructor({ from = new Map(), patienceMs = 60_000, ...options }) {
    this.#options = { ...options, from, patienceMs };
  }

  /** @returns {ReadonlyMap<number, Readonly<Progress>>} */
  get progress() {
    return this.#progress;
  }

  /**
   * Reads on to the ends that partitions have now, also of partitions that are new.
   * @param {ReadonlyMap<number, number>} [until] offsets to read up to instead, of these partitions and no others
   * @returns {Promise<ReadonlyMap<number, number>>} the ends
   * @throws {LogLostError} records were deleted that were to be read; see {@link lose}, {@link newLog}
   */
  async readOn(until) {
    const ends = until ?? (await this.#ends());
    for (;;) {
      const due = [...ends].filter(([partition, end]) => this.#at(partition).nextOffset < end);
      if (due.length === 0) return ends;
      // An answer is filled in the order of the request: partitions take turns in being the first.
      due.push(...due.splice(0, Math.floor(Math.random() * due.length)));
      for (const { partition, bytes, aborted } of await this.#fetch(due.map(([partition]) => partition)))
        this.#take(partition, Number(ends.get(partition)), (take) => readBatches(bytes, aborted, take));
      // For whoever else lives in this process.
      await delay(0);
    }
  }

  /** @returns {Promise<Map<number, Bounds>>} */
  bounds() {
    const { topic } = this.#options;
    return this.#patiently(async (connection) => {
      const partitions = await listPartitions(connection, topic);
      const low = await listOffsets(connection, topic, partitions, EARLIEST, READ_UNCOMMITTED);
      const high = await listOffsets(connection, topic, partitions, LATEST, READ_UNCOMMITTED);
      const stable = await listOffsets(connection, topic, partitions, LATEST, READ_COMMITTED);
      /** @type {(partition: number) => Bounds} */
      const boundsOf = (partition) => {
        const [from = 0, end = 0, to = 0] = [low, high, stable].map((offsets) => offsets.get(partition));
        // Asked for one after the other, while records came.
        return { low: from, stable: to, high: Math.max(end, to) };
      };
      return new Map(partitions.map((partition) => [partition, boundsOf(partition)]));
    });
  }

  /**
   * The topic was created anew: its partitions are read from 0.
   * @param {Iterable<number>} [partitions] all that are known, when left out
   */
  newLog(partitions = [...this.#progress.keys()]) {
    for (const partition of partitions) {
      this.#at(partition).nextOffset = 0;
      this.#options.oracle.newLog(partition);
    }
  }

  /**
   * Records up to this offset were deleted before the pipeline had read them, and an operator has acknowledged that: they are
   * neither counted nor skipped.
   * @param {number} partition
   * @param {number} to
   */
  lose(partition, to) {
    const progress = this.#at(partition);
    progress.nextOffset = Math.max(progress.nextOffset, to);
  }

  close() {
    this.#connection?.close();
    this.#connection = null;
  }

  async #ends() {
    return new Map([...(await this.bounds())].map(([partition, { stable }]) => [partition, stable]));
  }

  /** @param {number} partition */
  #at(partition) {
    let progress = this.#progress.get(partition);
    if (!progress) {
      progress = { nextOffset: this.#options.from.get(partition) ?? 0, consumed: 0 };
      this.#progress.set(partition, progress);
    }
    return progress;
  }

  /** @param {readonly number[]} partitions */
  #fetch(partitions) {
    const from = partitions.map((partition) => ({ partition, offset: this.#at(partition).nextOffset }));
    return this.#patiently(async (connection) => {
      const fetched = await fetchBatches(connection, this.#options.topic, from);
      for (const { partition, errorCode } of fetched) {
        if (errorCode === OFFSET_OUT_OF_RANGE)
          throw new LogLostError(
            `Partition ${partition} has no offset ${this.#at(partition).nextOffset} any more`,
          );
        if (errorCode !== 0) throw new Error(`partition ${partition} cannot be fetched: error ${errorCode}`);
      }
      return fetched;
    });
  }

  /**
   * @param {number} partition
   * @param {number} end
   * @param {(take: (record: import('./oracle.mjs').LogRecord) => void) => number | null} read
   */
  #take(partition, end, read) {
    const progress = this.#at(partition);
    const from = progress.nextOffset;
    // Batches come whole: the first may begin before what was asked for, the last may end after it.
    const next = read((record) => {
      if (record.offset >= from && record.offset < end) this.#options.oracle.take(partition, record);
    });
    if (next === null) return;
    progress.nextOffset = Math.max(from, Math.min(next, end));
    progress.consumed += progress.nextOffset - from;
  }

  /**
   * Tries until it works: brokers are killed in these tests.
   * @template T
   * @param {(connection: Connection) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #patiently(work) {
    const deadline = Date.now() + this.#options.patienceMs;
    for (;;) {
      try {
        this.#connection ??= await Connection.open(this.#options.brokers);
        return await work(this.#connection);
      } catch (error) {
        this.close();
        if (error instanceof LogLostError || Date.now() > deadline) throw error;
        await delay(RETRY_MS);
      }
    }
  }
}
