/**
 * What the batch owes, as fragments of SQL, so that planner, state and retention mean the same by it. The parameters are
 * placeholders: `newest` of the newest day that is expected, `keptFrom` of the first day whose daily stats are kept, or NULL.
 */

/**
 * Days that are to have daily stats and have none, as `stat_date`: from the first with data on, whether or not they have any.
 * What retention has deleted was data too.
 */
export const unbuiltDays = (newest: string, keptFrom: string): string => `
  SELECT expected.stat_date
    FROM (SELECT least(
            (SELECT (min(window_start) AT TIME ZONE 'UTC')::date FROM real_time_metrics),
            (SELECT min(stat_date) FROM expired_totals WHERE source NOT IN ('anomalies', 'replayed'))) AS day) AS first,
         LATERAL (SELECT day::date AS stat_date
                    FROM generate_series(greatest(first.day, ${keptFrom}::date)::timestamp, ${newest}::date::timestamp, interval '1 day') AS day
                   WHERE first.day IS NOT NULL) AS expected
         LEFT JOIN stat_days USING (stat_date)
   WHERE built_version IS NULL`;

/** Days that have changed after they were built, with `stale_since`. */
export const staleDays = (keptFrom: string): string => `
  SELECT stat_date, stale_since FROM stat_days
   WHERE version > built_version AND (${keptFrom}::date IS NULL OR stat_date >= ${keptFrom}::date)`;

/** True for a day, `day.stat_date`, that has a run which waits or is running. */
export const hasOpenRun = (day: string): string =>
  `EXISTS (SELECT FROM batch_runs AS run WHERE run.stat_date = ${day}.stat_date AND run.status IN ('waiting', 'running'))`;

/**
 * True for a day whose run has failed for good. One made by hand does not count: nobody tries that one again anyway.
 * @param since SQL of the instant from which on runs count
 */
export const hasFailed = (day: string, since: string): string =>
  `EXISTS (SELECT FROM batch_runs AS run WHERE run.stat_date = ${day}.stat_date AND run.status = 'failed'
              AND run.trigger <> 'manual' AND run.created_at >= ${since})`;
