const EVENT_TYPES = [
  'data_session',
  'balance_recharge',
  'call_incoming',
  'call_outgoing',
  'sms_incoming',
  'sms_outgoing',
];

/** @param {number} count @returns {string[]} keys of `event_type_agg`, those of simulated events first */
export const eventTypes = (count) => names(EVENT_TYPES, count, 'call_kind_');

/** @param {number} count @returns {string[]} keys of `region_agg`, those of simulated events first */
export const regions = (count) => names(['Almaty', 'Astana', 'Pavlodar', 'Taraz'], count, 'region ');

const names = (known, count, prefix) =>
  Array.from({ length: count }, (_, index) => known[index] ?? `${prefix}${index + 1}`);

/**
 * Windows of days that are over, as if every one of every key had events, and the days' place in the queue of the batch.
 * @param {(sql: string, parameters?: unknown[]) => Promise<unknown>} query
 * @param {{ first: string, last: string, eventTypes: string[], regions: string[] }} what days as YYYY-MM-DD, both included
 * @returns {Promise<number>} how many
 */
export async function addWindows(query, { first, last, eventTypes, regions }) {
  await query(
    `INSERT INTO real_time_metrics (window_start, window_end, metric_type, metric_key, metric_value, event_count, sum_micros)
     SELECT start, start + make_interval(mins => size), type, key, metric_value_of(type, key, 17, 123456789), 17, 123456789
       FROM (SELECT 'event_type_agg' AS type, 5 AS size, unnest($3::text[]) AS key
             UNION ALL
             SELECT 'region_agg', 10, unnest($4::text[])) AS keys
      CROSS JOIN LATERAL generate_series($1::timestamptz, $2::timestamptz + interval '1 day' - make_interval(mins => size), make_interval(mins => size)) AS start`,
    [`${first}T00:00:00Z`, `${last}T00:00:00Z`, eventTypes, regions],
  );
  await query(
    `INSERT INTO stat_days (stat_date) SELECT generate_series($1::date, $2::date, interval '1 day')::date`,
    [first, last],
  );
  await query('VACUUM ANALYZE real_time_metrics');
  const days = (Date.parse(last) - Date.parse(first)) / 86_400_000 + 1;
  return days * (288 * eventTypes.length + 144 * regions.length);
}
