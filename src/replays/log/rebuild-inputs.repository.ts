import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { timestampLiteral } from '../../database/instant.js';
import { MAX_AHEAD_MICROS } from '../../ingestion/core/judge.js';
import type { ReadPartition } from '../core/log-plan.js';
import type { RebuildRange } from '../core/rebuild-range.js';
import type { StoredAnomaly } from '../core/rebuilt-partition.js';
import { CHUNK_BYTES } from '../replay-jobs.repository.js';

/** An anomaly that counts in windows. */
export interface CountedAnomaly {
  readonly id: string;
  /** When what was counted took place, exact to the microsecond; for the next page. */
  readonly at: string;
  /** What was counted: a correction, or the record itself. */
  readonly event: Buffer | null;
}

/** What a rebuild reads beside the log. */
@Injectable()
export class RebuildInputsRepository {
  /** Stored anomalies of a stretch of a partition's log, by their offsets. */
  async storedAnomalies(
    connection: EntityManager,
    { topic, partition, incarnation }: ReadPartition,
    from: bigint,
    to: bigint,
  ): Promise<Map<number, StoredAnomaly>> {
    const rows: (StoredAnomaly & { offset: string })[] = await connection.query(
      `SELECT "offset", id, status FROM anomalies
        WHERE topic = $1 AND partition = $2 AND incarnation = $3 AND "offset" >= $4 AND "offset" < $5`,
      [topic, partition, incarnation, String(from), String(to)],
    );
    return new Map(rows.map(({ offset, ...anomaly }) => [Number(offset), anomaly]));
  }

  /**
   * The next replayed anomalies whose events lie in the range, in order of these events, without those of `rebuilt_counted`:
   * at most `limit`, and of about CHUNK_BYTES, but at least one.
   */
  async countedAnomalies(
    connection: EntityManager,
    range: RebuildRange,
    after: CountedAnomaly | undefined,
    limit: number,
  ): Promise<CountedAnomaly[]> {
    return connection.query(
      `SELECT id, at::text AS at, event FROM (
         SELECT *, sum(octet_length(event)) OVER (ORDER BY at, id) - octet_length(event) AS bytes_before FROM (
           SELECT id, applied_event_time AS at, coalesce(applied_event, raw) AS event FROM anomalies
            WHERE status = 'replayed' AND applied_event_time >= $1 AND applied_event_time < $2
              AND ($3::timestamptz IS NULL OR (applied_event_time, id) > ($3, $4::bigint))
              AND NOT EXISTS (SELECT FROM pg_temp.rebuilt_counted AS counted WHERE counted.id = anomalies.id)
            ORDER BY applied_event_time, id LIMIT $5) AS candidates
       ) AS sized WHERE bytes_before <= ${CHUNK_BYTES} ORDER BY at, id`,
      [instant(range.from), instant(range.to), after?.at ?? null, after?.id ?? null, limit],
    );
  }

  /** The partitions of a topic; without it every partition that was ever read. */
  async partitions(connection: EntityManager, topic: string | null = null): Promise<ReadPartition[]> {
    const rows: PartitionRow[] = await connection.query(
      `SELECT ${PARTITION_COLUMNS} FROM ingest_partitions WHERE $1::text IS NULL OR topic = $1 ORDER BY topic, partition`,
      [topic],
    );
    return rows.map(toPartition);
  }

  /** The partitions of a topic, none of which moves on before the transaction ends. */
  async lockPartitions(transaction: EntityManager, topic: string): Promise<ReadPartition[]> {
    const rows: PartitionRow[] = await transaction.query(
      `SELECT ${PARTITION_COLUMNS} FROM ingest_partitions WHERE topic = $1 ORDER BY topic, partition FOR UPDATE`,
      [topic],
    );
    return rows.map(toPartition);
  }

  /** The first day of the range that has lost windows or anomalies to retention. */
  async firstExpired(connection: EntityManager, { from, to }: RebuildRange): Promise<string | null> {
    // An anomaly belongs to the day of its record where its event is ahead of that, by up to 5 minutes.
    const [row]: { day: string | null }[] = await connection.query(
      `SELECT min(stat_date)::text AS day FROM expired_totals
        WHERE stat_date >= ((CASE source WHEN 'anomalies' THEN $1 ELSE $2 END)::timestamptz AT TIME ZONE 'UTC')::date
          AND stat_date <= ($3::timestamptz AT TIME ZONE 'UTC')::date`,
      [instant(from - MAX_AHEAD_MICROS / 1000), instant(from), instant(to - 1)],
    );
    return row?.day ?? null;
  }
}

interface PartitionRow {
  topic: string;
  partition: number;
  incarnation: number;
  log_id: string | null;
  first_offset: string;
  next_offset: string;
  newest_event_time: Date | null;
  earlier_event_time: Date | null;
  untimed_until: string;
}

const PARTITION_COLUMNS =
  'topic, partition, incarnation, log_id, first_offset, next_offset, newest_event_time, earlier_event_time, untimed_until';

const toPartition = (row: PartitionRow): ReadPartition => ({
  topic: row.topic,
  partition: row.partition,
  incarnation: row.incarnation,
  logId: row.log_id,
  firstOffset: BigInt(row.first_offset),
  nextOffset: BigInt(row.next_offset),
  newestEventTime: row.newest_event_time?.getTime() ?? null,
  earlierEventTime: row.earlier_event_time?.getTime() ?? null,
  untimedUntil: BigInt(row.untimed_until),
});

const instant = (millis: number): string => timestampLiteral(millis * 1000);
