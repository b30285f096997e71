import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Day } from '../aggregation/core/day.js';

/** Class of the advisory locks of days; the other half of the key is the day's number. */
const DAY_LOCK = 7_401_010;
/** Advisory lock of whoever makes a partition: two days of one month may be built at once. */
export const PARTITION_LOCK = 7_401_011;
const PARTITION_PATIENCE_MS = 3_000;

/** The write side of `daily_stats`. */
@Injectable()
export class DailyStatsRepository {
  /** Makes the day this transaction's own until it ends. @returns false while another one has it */
  async tryLock(transaction: EntityManager, day: Day): Promise<boolean> {
    const [row]: { locked: boolean }[] = await transaction.query(
      `SELECT pg_try_advisory_xact_lock(${DAY_LOCK}, $1::date - date '2000-01-01') AS locked`,
      [day],
    );
    return row?.locked ?? false;
  }

  /**
   * Replaces the day's rows by what its windows and anomalies say now. The day has to be locked.
   * A row is there only for what there was: a day without data has none.
   * @returns how many rows the day has
   */
  async rebuild(transaction: EntityManager, day: Day): Promise<number> {
    await this.createPartition(transaction, day);
    await transaction.query(`DELETE FROM daily_stats WHERE stat_date = $1`, [day]);
    const [row]: { rows: number }[] = await transaction.query(REBUILD, [day]);
    return row?.rows ?? 0;
  }

  /** Attaching takes a lock that readers do not feel, unlike CREATE TABLE … PARTITION OF. */
  private async createPartition(transaction: EntityManager, day: Day): Promise<void> {
    const name = partitionName(day);
    const exists = async (): Promise<boolean> => {
      // Not to_regclass: after waiting for the lock it would still answer from this connection's cache.
      const partitions: unknown[] = await transaction.query(
        `SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
          WHERE inhparent = 'daily_stats'::regclass AND relname = $1`,
        [name],
      );
      return partitions.length > 0;
    };
    if (await exists()) return;
    await this.lockPartitions(transaction);
    if (await exists()) return;
    const first = `${day.slice(0, 7)}-01`;
    await transaction.query(`CREATE TABLE ${name} (LIKE daily_stats INCLUDING ALL)`);
    await transaction.query(
      `ALTER TABLE daily_stats ATTACH PARTITION ${name}
         FOR VALUES FROM ('${first}') TO ('${nextMonth(day)}')`,
    );
  }

  /** Held until the other build ends. Its process may have been stopped; then others are not to wait for it. */
  private async lockPartitions(transaction: EntityManager): Promise<void> {
    const deadline = performance.now() + PARTITION_PATIENCE_MS;
    for (;;) {
      const [row]: { locked: boolean }[] = await transaction.query(
        `SELECT pg_try_advisory_xact_lock(${PARTITION_LOCK}) AS locked`,
      );
      if (row?.locked) return;
      if (performance.now() > deadline)
        throw new Error('another process is making a partition of daily_stats, and does not come to an end');
      await delay(20);
    }
  }

  /** Drops the partitions of the months before this one's. @returns their names */
  async dropBefore(transaction: EntityManager, firstKept: Day): Promise<string[]> {
    const partitions: { name: string }[] = await transaction.query(
      `SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'daily_stats'::regclass AND relname ~ '^daily_stats_\\d{4}_\\d{2}$' AND relname < $1
        ORDER BY relname`,
      [partitionName(firstKept)],
    );
    // Dropping waits for all who read, and all who want to read wait for it: rather not now than for long.
    if (partitions.length > 0) await transaction.query(`SET LOCAL lock_timeout = '2s'`);
    for (const { name } of partitions) await transaction.query(`DROP TABLE ${name}`);
    return partitions.map(({ name }) => name);
  }
}

/** `daily_stats_2025_11` */
const partitionName = (day: Day): string => `daily_stats_${day.slice(0, 7).replace('-', '_')}`;

function nextMonth(day: Day): string {
  const [year = 0, month = 0] = day.split('-').map(Number);
  return month === 12
    ? `${String(year + 1).padStart(4, '0')}-01-01`
    : `${day.slice(0, 5)}${String(month + 1).padStart(2, '0')}-01`;
}

// Sums are taken over integers and turned into values once, by the function that also gives windows their value.
const REBUILD = `
  WITH parts AS (
    SELECT metric_type AS source, metric_key AS key, event_count, sum_micros
      FROM real_time_metrics
     WHERE window_start >= $1::date::timestamp AT TIME ZONE 'UTC'
       AND window_start < ($1::date + 1)::timestamp AT TIME ZONE 'UTC'
    UNION ALL
    SELECT 'anomalies', reason, count(*), 0
      FROM anomalies
     WHERE anomaly_day(event_time, record_timestamp, created_at) = $1::date
     GROUP BY reason
    UNION ALL
    SELECT source, key, event_count, sum_micros FROM expired_totals WHERE stat_date = $1::date
  ), totals AS (
    SELECT source, key, sum(event_count)::bigint AS events, sum(sum_micros) AS micros FROM parts GROUP BY source, key
  ), stats (metric_type, metric_key, metric_value) AS (
    SELECT 'total_events_count', 'all_regions', sum(events)::double precision
      FROM totals WHERE source = 'region_agg' HAVING count(*) > 0
    UNION ALL
    SELECT 'region_total_events', key, events FROM totals WHERE source = 'region_agg'
    UNION ALL
    SELECT 'event_type_total_events', key, events FROM totals WHERE source = 'event_type_agg'
    UNION ALL
    SELECT 'data_volume_gb', 'all', metric_value_of('event_type_agg', 'data_session', sum(events)::bigint, sum(micros))
      FROM totals WHERE source = 'event_type_agg' AND (key = 'data_session' OR starts_with(key, 'data_session_'))
    HAVING count(*) > 0
    UNION ALL
    SELECT 'recharge_amount', 'all', metric_value_of('event_type_agg', 'balance_recharge', sum(events)::bigint, sum(micros))
      FROM totals WHERE source = 'event_type_agg' AND (key = 'balance_recharge' OR starts_with(key, 'balance_recharge_'))
    HAVING count(*) > 0
    UNION ALL
    SELECT 'anomalies_count', key, events FROM totals WHERE source = 'anomalies'
  ), inserted AS (
    INSERT INTO daily_stats (stat_date, metric_type, metric_key, metric_value)
    SELECT $1::date, metric_type, metric_key, metric_value FROM stats
    RETURNING 1
  )
  SELECT count(*)::integer AS rows FROM inserted`;
