// @ts-check
import { createHash } from 'node:crypto';
import { readContent } from './content.mjs';
import { RememberedIds } from './remembered-ids.mjs';

/**
 * What the configuration of the service sets.
 * @typedef {object} Rules
 * @property {number} maxEventBytes MAX_EVENT_BYTES
 * @property {number} maxLatenessMs MAX_LATENESS
 * @property {number} watermarkDelayMs WATERMARK_DELAY
 * @property {'amend' | 'divert'} lateEvents LATE_EVENTS
 * @property {number} deduplicationMs DEDUPLICATION_WINDOW; 0 = off
 */

/**
 * @typedef {object} LogRecord
 * @property {number} offset
 * @property {Buffer | null} value
 * @property {number} timestamp epoch milliseconds; negative when the record has none
 */

/** @typedef {{ count: number, late: number, sumMicros: bigint }} Sums */

/**
 * @typedef {object} Anomaly
 * @property {string} reason
 * @property {number | null} bytes how long the record is; null for a tombstone
 * @property {string | null} md5 of the record, in hexadecimal
 */

/**
 * @typedef {object} PartitionTotals
 * @property {number} incarnation
 * @property {number} records
 * @property {number} counted
 * @property {number} lateCounted
 * @property {number} anomalies
 * @property {number} duplicates
 * @property {number | null} newest newest accepted event time of this incarnation, epoch microseconds
 */

/**
 * @typedef {object} Answer
 * @property {Map<string, Sums>} windows by {@link windowName}
 * @property {Map<string, Anomaly>} anomalies by {@link anomalyName}
 * @property {Map<number, PartitionTotals>} partitions totals of all incarnations
 */

/** How far an event may be ahead of its record. */
const MOST_AHEAD_MICROS = 300e6;

const TYPE_WINDOW = { metricType: 'event_type_agg', length: 300_000 };
const REGION_WINDOW = { metricType: 'region_agg', length: 600_000 };
/** @typedef {typeof TYPE_WINDOW} WindowSpec */

/** @type {(metricType: string, metricKey: string, windowStart: number) => string} the start in epoch milliseconds */
export const windowName = (metricType, metricKey, windowStart) =>
  `${metricType}|${metricKey}|${new Date(windowStart).toISOString()}`;

/** @type {(partition: number, incarnation: number, offset: number | string) => string} */
export const anomalyName = (partition, incarnation, offset) => `${partition}:${incarnation}:${offset}`;

/**
 * What the pipeline must have made of a log: a pass over it, record by record, with the rules of docs/architecture.md. Because
 * lateness is judged by each partition's own log, partitions may be read in any order, and what was read needs not be kept.
 */
export class LogOracle {
  #rules;
  /** @type {Map<number, PartitionTotals>} */
  #partitions = new Map();
  /** @type {Map<number, number>} the offset that has to come next, at least */
  #positions = new Map();
  /** @type {Map<number, RememberedIds>} */
  #ids = new Map();
  /** @type {Map<WindowSpec, Map<string, Map<number, Sums>>>} by key, by start of the window */
  #windows = new Map([TYPE_WINDOW, REGION_WINDOW].map((spec) => [spec, new Map()]));
  /** @type {Map<string, Anomaly>} */
  #anomalies = new Map();

  /** @param {Rules} rules */
  constructor(rules) {
    this.#rules = rules;
  }

  /**
   * Takes the next record of a partition.
   * @param {number} partition
   * @param {LogRecord} record
   */
  take(partition, record) {
    const totals = this.#totals(partition);
    if (record.offset < (this.#positions.get(partition) ?? 0))
      throw new Error(`Offset ${record.offset} of partition ${partition} was read twice, or out of order`);
    this.#positions.set(partition, record.offset + 1);
    totals.records++;
    const reason = this.#judge(partition, totals, record);
    if (reason === null) return;
    totals.anomalies++;
    this.#anomalies.set(anomalyName(partition, totals.incarnation, record.offset), {
      reason,
      bytes: record.value?.length ?? null,
      md5: record.value && createHash('md5').update(record.value).digest('hex'),
    });
  }

  /**
   * The partition's log was created anew, and its checkpoint has a new incarnation: offsets begin at 0, and nothing of the old
   * one is known any more but what was counted.
   * @param {number} partition
   */
  newLog(partition) {
    const totals = this.#totals(partition);
    totals.incarnation++;
    totals.newest = null;
    this.#positions.delete(partition);
    this.#ids.delete(partition);
  }

  /** @returns {Answer} a copy: reading may go on */
  answer() {
    /** @type {Answer['windows']} */
    const windows = new Map();
    for (const [{ metricType }, keys] of this.#windows)
      for (const [key, starts] of keys)
        for (const [start, sums] of starts) windows.set(windowName(metricType, key, start), { ...sums });
    const partitions = new Map(
      [...this.#partitions].map(([partition, totals]) => [partition, { ...totals }]),
    );
    return { windows, anomalies: new Map(this.#anomalies), partitions };
  }

  /** @param {number} partition @returns {PartitionTotals} */
  #totals(partition) {
    let totals = this.#partitions.get(partition);
    if (!totals) {
      totals = {
        incarnation: 1,
        records: 0,
        counted: 0,
        lateCounted: 0,
        anomalies: 0,
        duplicates: 0,
        newest: null,
      };
      this.#partitions.set(partition, totals);
    }
    return totals;
  }

  /**
   * @param {number} partition
   * @param {PartitionTotals} totals
   * @param {LogRecord} record
   * @returns {string | null} why it is an anomaly; null when it is none
   */
  #judge(partition, totals, { value, timestamp }) {
    const { maxEventBytes, maxLatenessMs, watermarkDelayMs, lateEvents, deduplicationMs } = this.#rules;
    const event = readContent(value, maxEventBytes);
    if (typeof event === 'string') return event;
    // A record without a time of its own is judged by the clock when it is read: the one rule that is none of the log's.
    const recordMicros = (timestamp < 0 ? Date.now() : timestamp) * 1000;
    if (event.time - recordMicros > MOST_AHEAD_MICROS) return 'future_timestamp';

    const ids = deduplicationMs > 0 ? this.#idsOf(partition) : null;
    const now = Math.floor(Math.max(totals.newest ?? event.time, event.time) / 1000);
    const isTooLate = totals.newest !== null && totals.newest - event.time > maxLatenessMs * 1000;
    const isRepeat = event.id !== null && ids?.has(event.id, now) === true;
    if (event.id !== null && !isTooLate) ids?.add(event.id, now);
    if (isRepeat) {
      totals.duplicates++;
      return null;
    }
    if (isTooLate) return 'too_late';

    const watermark = totals.newest === null ? -Infinity : totals.newest - watermarkDelayMs * 1000;
    const lateForType = isLate(TYPE_WINDOW, event.time, watermark);
    const lateForRegion = isLate(REGION_WINDOW, event.time, watermark);
    if (lateForType || lateForRegion) {
      if (lateEvents === 'divert') return 'late_event';
      totals.lateCounted++;
    } else totals.counted++;
    this.#count(TYPE_WINDOW, event.typeKey, event.time, lateForType, event.micros);
    this.#count(REGION_WINDOW, event.region, event.time, lateForRegion, 0);
    totals.newest = Math.max(totals.newest ?? event.time, event.time);
    return null;
  }

  /** @param {number} partition */
  #idsOf(partition) {
    let ids = this.#ids.get(partition);
    if (!ids) this.#ids.set(partition, (ids = new RememberedIds(this.#rules.deduplicationMs)));
    return ids;
  }

  /**
   * @param {WindowSpec} spec
   * @param {string} key
   * @param {number} time epoch microseconds
   * @param {boolean} late
   * @param {number} micros
   */
  #count(spec, key, time, late, micros) {
    const keys = /** @type {Map<string, Map<number, Sums>>} */ (this.#windows.get(spec));
    let starts = keys.get(key);
    if (!starts) keys.set(key, (starts = new Map()));
    const start = startOf(spec, time);
    let sums = starts.get(start);
    if (!sums) starts.set(start, (sums = { count: 0, late: 0, sumMicros: 0n }));
    sums.count++;
    if (late) sums.late++;
    if (micros !== 0) sums.sumMicros += BigInt(micros);
  }
}

/**
 * Counts an event in both of its windows; for what came from elsewhere than the log.
 * @param {Answer['windows']} windows
 * @param {import('./content.mjs').Event} event
 * @param {boolean} late
 */
export function countEvent(windows, { time, typeKey, region, micros }, late) {
  for (const [spec, key, measured] of /** @type {const} */ ([
    [TYPE_WINDOW, typeKey, micros],
    [REGION_WINDOW, region, 0],
  ])) {
    const name = windowName(spec.metricType, key, startOf(spec, time));
    const sums = windows.get(name) ?? { count: 0, late: 0, sumMicros: 0n };
    windows.set(name, sums);
    sums.count++;
    if (late) sums.late++;
    sums.sumMicros += BigInt(measured);
  }
}

/** @param {WindowSpec} spec @param {number} time epoch microseconds @returns {number} epoch milliseconds */
const startOf = ({ length }, time) => Math.floor(time / (length * 1000)) * length;

/** @param {WindowSpec} spec @param {number} time epoch microseconds @param {number} watermark as well */
const isLate = (spec, time, watermark) => (startOf(spec, time) + spec.length) * 1000 <= watermark;
