import { expectedLedger, ledgerFields } from '../dist/simulator/core/expected-ledger.js';
import { expectedOf } from '../dist/simulator/core/expected.js';

/**
 * Compares all that the pipeline has stored of a topic with the answer key: each window, the anomalies of each partition by
 * reason, and the ledger and checkpoint of each partition.
 * @param {import('pg').Client} database
 * @param {string} topic
 * @param {import('../dist/simulator/core/answer-key.js').Answer} answer
 * @returns {Promise<string[]>} what differs, a line each
 */
export async function differences(database, topic, answer) {
  if (answer.doubt !== null) return [`there is no answer key: ${answer.doubt}`];
  return [
    ...compare('ledger', expectedLedgers(answer), await storedLedgers(database, topic)),
    ...compare('anomalies', expectedAnomalies(answer), await storedAnomalies(database, topic)),
    ...compare('window', expectedWindows(answer), await storedWindows(database)),
  ];
}

function* compare(what, expected, actual) {
  for (const name of new Set([...expected.keys(), ...actual.keys()])) {
    const [wanted, found] = [expected.get(name) ?? 'none', actual.get(name) ?? 'none'];
    if (wanted !== found) yield `${what} ${name}: expected ${wanted}, found ${found}`;
  }
}

const expectedWindows = ({ partitions, windows }) =>
  new Map(
    expectedOf(null, partitions, windows).windows.map((window) => [
      windowName({ ...window, windowStart: new Date(window.windowStart) }),
      sums(window),
    ]),
  );

async function storedWindows(database) {
  const { rows } = await database.query(
    `SELECT metric_type AS "metricType", metric_key AS "metricKey", window_start AS "windowStart",
            event_count AS "eventCount", late_events AS "lateEvents", sum_micros AS "sumMicros", metric_value AS "metricValue"
       FROM real_time_metrics`,
  );
  return new Map(rows.map((row) => [windowName(row), sums(row)]));
}

const windowName = ({ metricType, metricKey, windowStart }) =>
  `${metricType} ${metricKey} ${windowStart.toISOString()}`;

const sums = ({ eventCount, lateEvents, sumMicros, metricValue }) =>
  `${eventCount} events, ${lateEvents} late, sum ${sumMicros}, value ${Number(metricValue).toPrecision(12)}`;

const expectedAnomalies = ({ partitions }) =>
  new Map(
    partitions.flatMap(({ partition, anomalies }) =>
      Object.entries(anomalies).map(([reason, count]) => [`${partition} ${reason}`, String(count)]),
    ),
  );

async function storedAnomalies(database, topic) {
  const { rows } = await database.query(
    `SELECT partition, reason, count(*) AS count FROM anomalies WHERE topic = $1 GROUP BY partition, reason`,
    [topic],
  );
  return new Map(rows.map(({ partition, reason, count }) => [`${partition} ${reason}`, count]));
}

const expectedLedgers = ({ partitions }) =>
  new Map(
    partitions.map((answer) => [
      answer.partition,
      ledger({ ...expectedLedger(answer), next_offset: answer.sent }),
    ]),
  );

async function storedLedgers(database, topic) {
  const { rows } = await database.query(`SELECT * FROM ingest_partitions WHERE topic = $1`, [topic]);
  return new Map(rows.map((row) => [row.partition, ledger(row)]));
}

const ledger = (row) => ['next_offset', ...ledgerFields].map((field) => `${field} ${row[field]}`).join(', ');
