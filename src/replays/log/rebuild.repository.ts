import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS } from '../../aggregation/core/window-spec.js';
import { MetricsRepository } from '../../aggregation/metrics.repository.js';
import { AnomaliesRepository } from '../../anomalies/anomalies.repository.js';
import { timestampLiteral } from '../../database/instant.js';
import type { RebuildRange } from '../core/rebuild-range.js';
import type { Rebuilt } from '../core/rebuilt-partition.js';
import { CHUNK_BYTES } from '../replay-jobs.repository.js';

/** What comes to the windows to come. */
type Additions = Partial<Rebuilt> & {
  /** Ids of the replayed anomalies among it. */
  readonly counted?: readonly string[];
};

const WINDOWS = 'pg_temp.rebuilt_windows';
const ANOMALIES = 'pg_temp.rebuilt_anomalies';
const PASSING = 'pg_temp.rebuilt_passing';
const CHANGES = 'pg_temp.rebuilt_changes';
const ANOMALY_COLUMNS = `reason, detail, raw, event_data, topic, partition, incarnation, "offset", event_time, record_timestamp`;

/**
 * Windows that are being made anew, in temporary tables of one connection: they need no memory of ours, nobody else sees them,
 * and they are gone with the connection.
 */
@Injectable()
export class RebuildRepository {
  constructor(
    private readonly metrics: MetricsRepository,
    private readonly anomalies: AnomaliesRepository,
  ) {}

  async createTables(connection: EntityManager): Promise<void> {
    await connection.query(`
      CREATE TEMPORARY TABLE rebuilt_windows (
        LIKE real_time_metrics INCLUDING DEFAULTS, PRIMARY KEY (metric_type, metric_key, window_start))`);
    await connection.query(`
      CREATE TEMPORARY TABLE rebuilt_anomalies (
        LIKE anomalies INCLUDING DEFAULTS INCLUDING IDENTITY, UNIQUE (topic, partition, incarnation, "offset"))`);
    await connection.query(`CREATE TEMPORARY TABLE rebuilt_passing (id bigint PRIMARY KEY)`);
    // Anomalies that are added already; a second look adds what has been replayed since the first.
    await connection.query(`CREATE TEMPORARY TABLE rebuilt_counted (id bigint PRIMARY KEY)`);
    await connection.query(`
      CREATE TEMPORARY TABLE rebuilt_changes (
        metric_type varchar(50) COLLATE "C", metric_key varchar(100) COLLATE "C", window_start timestamptz,
        before double precision, after double precision, vanishes boolean)`);
  }

  /** Adds to what there is of the windows to come. */
  async add(
    connection: EntityManager,
    { windows, newAnomalies, passing, counted }: Additions,
  ): Promise<void> {
    if (windows) await this.metrics.add(connection, windows, WINDOWS);
    if (newAnomalies) await this.anomalies.insert(connection, newAnomalies, ANOMALIES);
    if (passing?.length)
      await connection.query(
        `INSERT INTO ${PASSING} (id) SELECT unnest($1::bigint[]) ON CONFLICT DO NOTHING`,
        [passing],
      );
    if (counted?.length)
      await connection.query(`INSERT INTO pg_temp.rebuilt_counted (id) SELECT unnest($1::bigint[])`, [
        counted,
      ]);
  }

  /** The next anomalies that pass now, in order of their ids, of about CHUNK_BYTES; they are taken off the list. */
  async nextPassing(connection: EntityManager, limit: number): Promise<string[]> {
    const [rows]: [{ id: string }[], number] = await connection.query(
      `DELETE FROM ${PASSING} WHERE id IN (
         SELECT id FROM (
           SELECT id, sum(coalesce(octet_length(raw), 0)) OVER (ORDER BY id) - coalesce(octet_length(raw), 0) AS bytes_before
             FROM (SELECT id FROM ${PASSING} ORDER BY id LIMIT $1) AS next LEFT JOIN anomalies USING (id)) AS sized
          WHERE bytes_before <= ${CHUNK_BYTES})
       RETURNING id`,
      [limit],
    );
    return rows.map(({ id }) => id).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  }

  /** Finds the windows of the range that differ from those that are stored. @returns how many there are */
  async compare(transaction: EntityManager, range: RebuildRange): Promise<number> {
    await transaction.query(`ANALYZE ${WINDOWS}`);
    const [row]: { different: number }[] = await transaction.query(
      `WITH changes AS (
       INSERT INTO ${CHANGES} (metric_type, metric_key, window_start, before, after, vanishes)
       SELECT metric_type, metric_key, window_start, coalesce(stored.metric_value, 0), coalesce(rebuilt.metric_value, 0),
              rebuilt.window_end IS NULL
         FROM (SELECT * FROM real_time_metrics
                WHERE window_start >= $1 AND window_start <= $2
                  AND (metric_type = '${EVENT_TYPE_WINDOWS.metricType}'
                       OR metric_type = '${REGION_WINDOWS.metricType}' AND window_start <= $3)) AS stored
         FULL JOIN ${WINDOWS} AS rebuilt USING (metric_type, metric_key, window_start)
        WHERE (stored.window_end, stored.event_count, stored.late_events, stored.sum_micros, stored.metric_value)
              IS DISTINCT FROM
              (rebuilt.window_end, rebuilt.event_count, rebuilt.late_events, rebuilt.sum_micros, rebuilt.metric_value)
       RETURNING 1)
       SELECT count(*)::integer AS different FROM changes`,
      [
        instant(range.from),
        instant(range.to - EVENT_TYPE_WINDOWS.sizeMs),
        instant(range.to - REGION_WINDOWS.sizeMs),
      ],
    );
    await transaction.query(`ANALYZE ${CHANGES}`);
    return row?.different ?? 0;
  }

  /** Events that the windows made anew count. */
  async countEvents(connection: EntityManager): Promise<number> {
    const [row]: { events: string }[] = await connection.query(
      `SELECT coalesce(sum(event_count), 0) AS events FROM ${WINDOWS} WHERE metric_type = $1`,
      [EVENT_TYPE_WINDOWS.metricType],
    );
    return Number(row?.events ?? 0);
  }

  /** Remembers the first of the windows that differ with the job. */
  async noteChanges(transaction: EntityManager, replayId: string, limit: number): Promise<void> {
    await transaction.query(
      `INSERT INTO replay_changes (replay_id, metric_type, metric_key, window_start, before, after)
       SELECT $1, metric_type, metric_key, window_start, before, after FROM ${CHANGES}
        ORDER BY window_start, metric_type, metric_key LIMIT $2`,
      [replayId, limit],
    );
  }

  /**
   * Puts the windows that differ in the place of the stored ones, and stores the new anomalies.
   * @returns the UTC days that have changed, `YYYY-MM-DD`, with repeats
   */
  async apply(transaction: EntityManager): Promise<string[]> {
    await transaction.query(
      `DELETE FROM real_time_metrics AS stored USING ${CHANGES} AS change
        WHERE change.vanishes AND stored.metric_type = change.metric_type AND stored.metric_key = change.metric_key
          AND stored.window_start = change.window_start`,
    );
    await transaction.query(
      `INSERT INTO real_time_metrics
         (metric_type, metric_key, window_start, window_end, event_count, late_events, sum_micros, metric_value)
       SELECT metric_type, metric_key, window_start, window_end, event_count, late_events, sum_micros, metric_value
         FROM ${WINDOWS} JOIN ${CHANGES} USING (metric_type, metric_key, window_start)
        ORDER BY metric_type, metric_key, window_start
       ON CONFLICT (metric_type, metric_key, window_start) DO UPDATE SET
         window_end = excluded.window_end, event_count = excluded.event_count, late_events = excluded.late_events,
         sum_micros = excluded.sum_micros, metric_value = excluded.metric_value, updated_at = now()`,
    );
    const days: { day: string }[] = await transaction.query(
      `WITH inserted AS (
         INSERT INTO anomalies (${ANOMALY_COLUMNS}) SELECT ${ANOMALY_COLUMNS} FROM ${ANOMALIES} ORDER BY id
         ON CONFLICT (topic, partition, incarnation, "offset") DO NOTHING
         RETURNING anomaly_day(event_time, record_timestamp, created_at) AS day
       )
       SELECT day::text AS day FROM inserted
       UNION SELECT ((window_start AT TIME ZONE 'UTC')::date)::text FROM ${CHANGES}`,
    );
    return days.map(({ day }) => day);
  }
}

const instant = (millis: number): string => timestampLiteral(millis * 1000);
