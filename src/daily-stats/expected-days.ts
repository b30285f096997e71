/**
 * SQL of the days that are to have daily stats, as `stat_date`: every day from the first with data on, whether or not it has
 * any. What retention has deleted was data too.
 * @param newest placeholder of the newest such day
 */
export const expectedDays = (newest: string): string => `
  SELECT day::date AS stat_date
    FROM generate_series(
      least(
        (SELECT (min(window_start) AT TIME ZONE 'UTC')::date FROM real_time_metrics),
        (SELECT min(stat_date) FROM expired_totals WHERE source <> 'anomalies'))::timestamp,
      ${newest}::date::timestamp, interval '1 day') AS day`;
