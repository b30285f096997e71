// @ts-check

/** PostgreSQL divides decimal numbers, this here binary ones. */
const TOLERANCE = 1e-12;

/**
 * Compares the daily stats of all days that are built and not stale with what the stored windows and anomalies make of them. Those
 * are right when {@link import('./verdict.mjs').differences} finds none.
 * @param {import('pg').Client} database
 * @returns {Promise<{ days: string[], differences: string[] }>} the days that were compared, and what differs
 */
export async function dayDifferences(database) {
  // One snapshot: a day may be built meanwhile.
  await database.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const { rows } = await database.query(
      `SELECT stat_date::text AS day FROM stat_days WHERE built_version = version ORDER BY stat_date`,
    );
    const days = rows.map(({ day }) => day);
    const expected = await expectedStats(database);
    const stored = await storedStats(database);
    const differences = days.flatMap((day) => compare(day, expected.get(day), stored.get(day)));
    return { days, differences };
  } finally {
    await database.query('ROLLBACK');
  }
}

/** @param {string} day @param {Stats} [expected] @param {Stats} [stored] */
function compare(day, expected = new Map(), stored = new Map()) {
  return [...new Set([...expected.keys(), ...stored.keys()])].flatMap((name) => {
    const [wanted, found] = [expected.get(name), stored.get(name)];
    if (wanted !== undefined && found !== undefined && Math.abs(wanted - found) <= TOLERANCE * wanted)
      return [];
    return [`day ${day}: ${name} is ${found ?? 'missing'}, expected ${wanted ?? 'none'}`];
  });
}

/** @typedef {Map<string, number>} Stats values by type and key */

/** @param {import('pg').Client} database @returns {Promise<Map<string, Stats>>} by day */
async function storedStats(database) {
  const { rows } = await database.query(
    `SELECT stat_date::text AS day, metric_type, metric_key, metric_value FROM daily_stats`,
  );
  /** @type {Map<string, Stats>} */
  const days = new Map();
  for (const { day, metric_type, metric_key, metric_value } of rows)
    statsOf(days, day).set(`${metric_type} ${metric_key}`, metric_value);
  return days;
}

/** @param {import('pg').Client} database @returns {Promise<Map<string, Stats>>} by day */
async function expectedStats(database) {
  /** @type {Map<string, Stats>} */
  const days = new Map();
  /** @type {(day: string, name: string, value: number) => void} */
  const add = (day, name, value) => {
    const stats = statsOf(days, day);
    stats.set(name, (stats.get(name) ?? 0) + value);
  };
  const windows = await database.query(
    `SELECT window_start, metric_type, metric_key, event_count, sum_micros FROM real_time_metrics`,
  );
  /** Sums of integers stay exact; they are divided at the end. @type {Map<string, bigint>} */
  const micros = new Map();
  for (const { window_start, metric_type, metric_key, event_count, sum_micros } of windows.rows) {
    const day = dayOf(window_start.getTime());
    const events = Number(event_count);
    if (metric_type === 'region_agg') {
      add(day, 'total_events_count all_regions', events);
      add(day, `region_total_events ${metric_key}`, events);
      continue;
    }
    add(day, `event_type_total_events ${metric_key}`, events);
    const measure = /^data_session(_|$)/s.test(metric_key)
      ? 'data_volume_gb all'
      : /^balance_recharge(_|$)/s.test(metric_key)
        ? 'recharge_amount all'
        : null;
    if (measure === null) continue;
    const name = `${day} ${measure}`;
    micros.set(name, (micros.get(name) ?? 0n) + BigInt(sum_micros));
  }
  for (const [name, sum] of micros) {
    const [day, measure] = [name.slice(0, 10), name.slice(11)];
    add(day, measure, Number(sum) / (measure.startsWith('data') ? 1_024_000_000 : 1_000_000));
  }
  const anomalies = await database.query(
    `SELECT reason, extract(epoch FROM event_time)::float8 AS event, extract(epoch FROM record_timestamp)::float8 AS record,
            extract(epoch FROM created_at)::float8 AS created
       FROM anomalies`,
  );
  for (const { reason, event, record, created } of anomalies.rows) {
    const seconds = Math.min(event ?? Infinity, record ?? Infinity, created);
    add(dayOf(seconds * 1000), `anomalies_count ${reason}`, 1);
  }
  return days;
}

/** @param {Map<string, Stats>} days @param {string} day */
function statsOf(days, day) {
  let stats = days.get(day);
  if (!stats) days.set(day, (stats = new Map()));
  return stats;
}

/** @param {number} millis */
const dayOf = (millis) => new Date(millis).toISOString().slice(0, 10);
