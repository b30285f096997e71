import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { addDays, type Day } from '../aggregation/core/day.js';
import { keepRebuildsAway } from '../aggregation/rebuild-lock.js';
import { inTransaction } from '../database/transaction.js';
import { DailyStatsRepository } from './daily-stats.repository.js';
import { staleDays, unbuiltDays } from './owed-days.js';

/** Anomalies of one transaction: their bytes may be many. */
const ANOMALIES_AT_ONCE = 10_000;

/**
 * Deletes what is too old. What a day's windows and anomalies add up to stays behind in `expired_totals`, in the same
 * statement, so that a day which changes later is still built from all of its data.
 */
@Injectable()
export class RetentionRepository {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly stats: DailyStatsRepository,
  ) {}

  /** The first day whose daily stats are not there, or not up to date; nothing from it on may be deleted. */
  async firstOwed(today: Day, keptFrom: Day | null): Promise<Day> {
    const [row]: { day: Day }[] = await this.database.query(
      `SELECT coalesce(min(stat_date), $2::date)::text AS day FROM (
         ${unbuiltDays('$1', '$3')} UNION ALL SELECT stat_date FROM (${staleDays('$3')}) AS stale
       ) AS owed`,
      [addDays(today, -1), today, keptFrom],
    );
    return row?.day ?? today;
  }

  /** Deletes the windows of the oldest day before this one. @returns the day and its rows; null when there is none */
  async expireMetrics(before: Day): Promise<{ day: Day; rows: number } | null> {
    return inTransaction(this.database, async (transaction) => {
      await keepRebuildsAway(transaction);
      const [oldest]: { day: Day | null }[] = await transaction.query(
        `SELECT (min(window_start) AT TIME ZONE 'UTC')::date::text AS day FROM real_time_metrics
          WHERE window_start < $1::date::timestamp AT TIME ZONE 'UTC'`,
        [before],
      );
      if (!oldest?.day) return null;
      // Locked in the order in which flushes lock them, so that the two do not deadlock.
      const [row]: { rows: number }[] = await transaction.query(
        `WITH old AS (
           SELECT metric_type, metric_key, window_start FROM real_time_metrics
            WHERE window_start >= $1::date::timestamp AT TIME ZONE 'UTC'
              AND window_start < ($1::date + 1)::timestamp AT TIME ZONE 'UTC'
            ORDER BY metric_type, metric_key, window_start FOR UPDATE
         ), gone AS (
           DELETE FROM real_time_metrics AS metrics USING old
            WHERE metrics.metric_type = old.metric_type AND metrics.metric_key = old.metric_key
              AND metrics.window_start = old.window_start
           RETURNING metrics.metric_type, metrics.metric_key, event_count, sum_micros
         ), kept AS (
           INSERT INTO expired_totals AS stored (stat_date, source, key, event_count, sum_micros)
           SELECT $1::date, metric_type, metric_key, sum(event_count), sum(sum_micros) FROM gone GROUP BY metric_type, metric_key
            ORDER BY metric_type, metric_key
           ${ADD_TO_STORED}
         )
         SELECT count(*)::integer AS rows FROM gone`,
        [oldest.day],
      );
      return { day: oldest.day, rows: row?.rows ?? 0 };
    });
  }

  /**
   * Deletes anomalies, the oldest first.
   * @param setAsideBefore by when they were set aside
   * @param before by the day they belong to
   * @returns how many; 0 when none are left
   */
  async expireAnomalies(setAsideBefore: Day, before: Day): Promise<number> {
    return inTransaction(this.database, async (transaction) => {
      await keepRebuildsAway(transaction);
      const [row]: { rows: number }[] = await transaction.query(
        `WITH old AS (
           SELECT id FROM anomalies
            WHERE created_at < $1::date::timestamp AT TIME ZONE 'UTC'
              AND anomaly_day(event_time, record_timestamp, created_at) < $2::date
            ORDER BY created_at LIMIT ${ANOMALIES_AT_ONCE} FOR UPDATE SKIP LOCKED
         ), gone AS (
           DELETE FROM anomalies USING old WHERE anomalies.id = old.id
           RETURNING anomalies.id, anomaly_day(event_time, record_timestamp, created_at) AS day, reason, applied_event_time
         ), history AS (
           DELETE FROM anomaly_history USING gone WHERE anomaly_id = gone.id
         ), kept AS (
           INSERT INTO expired_totals AS stored (stat_date, source, key, event_count, sum_micros)
           SELECT day, source, reason, count(*), 0 FROM (
             SELECT day, 'anomalies' AS source, reason FROM gone
             UNION ALL
             -- They count in windows still; whoever makes these anew has to know that something is missing.
             SELECT (applied_event_time AT TIME ZONE 'UTC')::date, 'replayed', reason FROM gone WHERE applied_event_time IS NOT NULL
           ) AS kept GROUP BY day, source, reason ORDER BY day, source, reason
           ${ADD_TO_STORED}
         )
         SELECT count(*)::integer AS rows FROM gone`,
        [setAsideBefore, before],
      );
      return row?.rows ?? 0;
    });
  }

  /** Drops whole months of daily stats. @returns the partitions that are gone */
  async expireDailyStats(firstKept: Day): Promise<string[]> {
    return inTransaction(this.database, (transaction) => this.stats.dropBefore(transaction, firstKept));
  }
}

const ADD_TO_STORED = `ON CONFLICT (stat_date, source, key) DO UPDATE SET
  event_count = stored.event_count + excluded.event_count, sum_micros = stored.sum_micros + excluded.sum_micros`;
