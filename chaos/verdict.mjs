// @ts-check
import { readContent } from './content.mjs';
import { anomalyName, countEvent, windowName } from './oracle.mjs';

/** @typedef {import('./oracle.mjs').Answer} Answer */
/** @typedef {import('./log.mjs').Progress} Progress */
/** @typedef {(line: string) => void} Tell */

/** Lines of each kind; the rest is only counted. */
const MOST_LINES = 20;
const ANOMALIES_AT_ONCE = 20_000;

/**
 * Compares all that the pipeline has stored of a topic with what it must have made of the log: every window, anomaly and
 * checkpoint, both ways. What operators have replayed is added to the windows.
 * @param {object} options
 * @param {import('pg').Client} options.database
 * @param {string} options.topic
 * @param {Answer} options.answer
 * @param {ReadonlyMap<number, Progress>} options.progress how far the log was read; the checkpoints must have come as far
 * @returns {Promise<string[]>} what differs, a line each; none when all is right
 */
export async function differences({ database, topic, answer, progress }) {
  // One snapshot: rows of one flush are seen together or not at all.
  await database.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return [
      ...(await collect((tell) => compareCheckpoints(database, topic, answer, progress, tell))),
      ...(await collect((tell) => compareAnomalies(database, topic, answer, tell))),
      ...(await collect((tell) => compareWindows(database, topic, answer, tell))),
    ];
  } finally {
    await database.query('ROLLBACK');
  }
}

/** @param {(tell: Tell) => Promise<void>} compare */
async function collect(compare) {
  /** @type {string[]} */
  const lines = [];
  let more = 0;
  await compare((line) => {
    if (lines.length < MOST_LINES) lines.push(line);
    else more++;
  });
  return more > 0 ? [...lines, `… and ${more} more like these`] : lines;
}

/**
 * @param {import('pg').Client} database
 * @param {string} topic
 * @param {Answer} answer
 * @param {ReadonlyMap<number, Progress>} progress
 * @param {Tell} tell
 */
async function compareCheckpoints(database, topic, answer, progress, tell) {
  const { rows } = await database.query(
    `SELECT partition, incarnation, next_offset, consumed, counted, late_counted, anomalies, duplicates, skipped,
            (extract(epoch FROM newest_event_time) * 1000000)::bigint AS newest, halted_reason,
            counted + late_counted + anomalies + duplicates + skipped AS sum
       FROM ingest_partitions WHERE topic = $1`,
    [topic],
  );
  const stored = new Map(rows.map((row) => [row.partition, row]));
  for (const partition of new Set([...stored.keys(), ...progress.keys()])) {
    const row = stored.get(partition);
    const read = progress.get(partition);
    if (!row || !read) {
      // A partition that is empty may not have been claimed yet.
      if (row || read?.consumed) tell(`checkpoint ${partition}: ${row ? 'not expected' : 'missing'}`);
      continue;
    }
    if (row.halted_reason !== null) tell(`checkpoint ${partition}: halted, ${row.halted_reason}`);
    if (row.sum !== row.consumed)
      tell(`ledger ${partition}: consumed ${row.consumed}, but its parts are ${row.sum}`);
    for (const [field, expected] of Object.entries(expectedCheckpoint(answer, partition, read))) {
      const [wanted, found] = [String(expected), String(row[field])];
      if (wanted !== found) tell(`checkpoint ${partition}: ${field} is ${found}, expected ${wanted}`);
    }
  }
}

/** @param {Answer} answer @param {number} partition @param {Progress} read */
function expectedCheckpoint({ partitions }, partition, { nextOffset, consumed }) {
  const totals = partitions.get(partition);
  return {
    incarnation: totals?.incarnation ?? 1,
    next_offset: nextOffset,
    consumed,
    counted: totals?.counted ?? 0,
    late_counted: totals?.lateCounted ?? 0,
    anomalies: totals?.anomalies ?? 0,
    duplicates: totals?.duplicates ?? 0,
    skipped: consumed - (totals?.records ?? 0),
    newest: totals?.newest ?? null,
  };
}

/**
 * @param {import('pg').Client} database
 * @param {string} topic
 * @param {Answer} answer
 * @param {Tell} tell
 */
async function compareAnomalies(database, topic, answer, tell) {
  const missing = new Set(answer.anomalies.keys());
  for (let after = '0'; ;) {
    const { rows } = await database.query(
      `SELECT id, partition, incarnation, "offset", reason, octet_length(raw) AS bytes, md5(raw) AS md5
         FROM anomalies WHERE topic = $1 AND id > $2 ORDER BY id LIMIT ${ANOMALIES_AT_ONCE}`,
      [topic, after],
    );
    for (const { partition, incarnation, offset, reason, bytes, md5 } of rows) {
      const name = anomalyName(partition, incarnation, offset);
      const expected = answer.anomalies.get(name);
      missing.delete(name);
      if (!expected) tell(`anomaly ${name}: ${reason} is not expected`);
      else if (reason !== expected.reason) tell(`anomaly ${name}: ${reason}, expected ${expected.reason}`);
      else if (bytes !== expected.bytes) tell(`anomaly ${name}: ${bytes} bytes, expected ${expected.bytes}`);
      else if (md5 !== expected.md5) tell(`anomaly ${name}: its ${bytes} bytes are others`);
    }
    if (rows.length < ANOMALIES_AT_ONCE) break;
    after = rows.at(-1).id;
  }
  for (const name of missing) tell(`anomaly ${name}: ${answer.anomalies.get(name)?.reason} is missing`);
}

/**
 * @param {import('pg').Client} database
 * @param {string} topic
 * @param {Answer} answer
 * @param {Tell} tell
 */
async function compareWindows(database, topic, answer, tell) {
  const windows = new Map([...answer.windows].map(([name, sums]) => [name, { ...sums }]));
  await addReplayed(database, topic, windows);
  const { rows } = await database.query(
    `SELECT metric_type, metric_key, window_start, window_end, metric_value, event_count, late_events, sum_micros
       FROM real_time_metrics`,
  );
  const missing = new Set(windows.keys());
  for (const row of rows) {
    const start = row.window_start.getTime();
    const name = windowName(row.metric_type, row.metric_key, start);
    const expected = windows.get(name);
    missing.delete(name);
    if (!expected) {
      tell(`window ${name}: ${row.event_count} events are not expected`);
      continue;
    }
    const { count, late, sumMicros } = expected;
    const wanted = `${count} events, ${late} late, sum ${sumMicros}`;
    const found = `${row.event_count} events, ${row.late_events} late, sum ${row.sum_micros}`;
    if (wanted !== found) tell(`window ${name}: ${found}; expected ${wanted}`);
    const value = metricValue(row.metric_type, row.metric_key, count, sumMicros);
    // PostgreSQL divides decimal numbers, this here binary ones.
    if (Math.abs(row.metric_value - value) > 1e-12 * Math.abs(value))
      tell(`window ${name}: metric_value is ${row.metric_value}, expected ${value}`);
    const minutes = row.metric_type === 'region_agg' ? 10 : 5;
    if (row.window_end.getTime() - start !== minutes * 60_000)
      tell(`window ${name}: ends at ${row.window_end.toISOString()}`);
  }
  for (const name of missing) tell(`window ${name}: missing, expected ${windows.get(name)?.count} events`);
}

/**
 * Whatever was replayed is counted once, as late; by its correction where there is one.
 * @param {import('pg').Client} database
 * @param {string} topic
 * @param {Answer['windows']} windows
 */
async function addReplayed(database, topic, windows) {
  const { rows } = await database.query(
    `SELECT coalesce(applied_event, raw) AS event FROM anomalies WHERE topic = $1 AND status = 'replayed'`,
    [topic],
  );
  for (const { event } of rows) {
    const content = readContent(event, Infinity);
    if (typeof content !== 'string') countEvent(windows, content, true);
  }
}

/** @type {(metricType: string, metricKey: string, count: number, sumMicros: bigint) => number} */
function metricValue(metricType, metricKey, count, sumMicros) {
  if (metricType === 'event_type_agg' && /^data_session(_|$)/s.test(metricKey))
    return Number(sumMicros) / 1_024_000_000;
  if (metricType === 'event_type_agg' && /^balance_recharge(_|$)/s.test(metricKey))
    return Number(sumMicros) / 1_000_000;
  return count;
}
