import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { timestampLiteral } from '../database/instant.js';
import type { LogPosition } from '../transport/log-position.js';
import type { RecentOutcomes } from './core/recent-outcomes.js';
import type { PartitionDelta } from './core/partition-delta.js';
import type { RecentIds } from './core/recent-ids.js';
import { RecentIdsRepository } from './recent-ids.repository.js';

/** What a replica learns when it takes over a partition. */
export interface Claim {
  readonly partition: number;
  /** Fencing token: only its holder may flush. */
  readonly epoch: string;
  readonly incarnation: number;
  /** The log that the checkpoint is of. */
  readonly logId: string;
  readonly nextOffset: bigint;
  /** Epoch microseconds. */
  readonly newestEventTime: number | null;
  readonly halted: boolean;
}

/** A delta on its way to the database, with the right to store it. */
export interface Checkpoint {
  readonly topic: string;
  readonly partition: number;
  readonly epoch: string;
  readonly delta: PartitionDelta;
}

/** How a partition stands, as its owner sees it. */
export interface PartitionReport {
  readonly partition: number;
  readonly epoch: string;
  readonly highWatermark: bigint;
  readonly eventsPerSecond: number;
  /** Null when nothing is known of them. */
  readonly outcomes: RecentOutcomes | null;
}

export const HALT_REASONS = ['log_truncated', 'log_behind_checkpoint', 'log_replaced'] as const;
export type HaltReason = (typeof HALT_REASONS)[number];

interface ClaimRow {
  partition: number;
  epoch: string;
  incarnation: number;
  log_id: string;
  next_offset: string;
  newest_micros: string | null;
  halted: boolean;
}

/** Checkpoints with their ledger, in `ingest_partitions`: the one truth about how far the log has been taken in. */
@Injectable()
export class CheckpointRepository {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly recentIds: RecentIdsRepository,
  ) {}

  /**
   * Takes over partitions: from now on every other holder is fenced off.
   * @param starts where a partition without a checkpoint begins; one that does not know its log takes this one for it
   */
  async claim(topic: string, owner: string, starts: ReadonlyMap<number, LogPosition>): Promise<Claim[]> {
    const rows: ClaimRow[] = await this.database.query(
      `INSERT INTO ingest_partitions AS stored (topic, partition, epoch, owner, first_offset, next_offset, log_id, claimed_at, seen_at)
       SELECT $1, partition, 1, $2, start, start, log_id, now(), now()
         FROM unnest($3::integer[], $4::bigint[], $5::text[]) AS start(partition, start, log_id) ORDER BY partition
       ON CONFLICT (topic, partition) DO UPDATE SET
         log_id = coalesce(stored.log_id, excluded.log_id), epoch = stored.epoch + 1, owner = excluded.owner, claimed_at = now(), seen_at = now(), caught_up_since = NULL
       RETURNING partition, epoch, incarnation, log_id, next_offset, halted_at IS NOT NULL AS halted,
                 (extract(epoch FROM newest_event_time) * 1000000)::bigint AS newest_micros`,
      [
        ...[topic, owner, [...starts.keys()]],
        [...starts.values()].map(({ offset }) => String(offset)),
        [...starts.values()].map(({ logId }) => logId),
      ],
    );
    return rows.map((row) => ({
      partition: row.partition,
      epoch: row.epoch,
      incarnation: row.incarnation,
      logId: row.log_id,
      nextOffset: BigInt(row.next_offset),
      newestEventTime: row.newest_micros === null ? null : Number(row.newest_micros),
      halted: row.halted,
    }));
  }

  /**
   * Moves checkpoints on, by compare-and-set on the fencing token and the offset.
   * @param flushMs how long the flush before this one took; for people to read
   * @returns the partitions that moved; another replica holds the rest
   */
  async advance(
    transaction: EntityManager,
    checkpoints: readonly Checkpoint[],
    flushMs: number,
  ): Promise<number[]> {
    const deltas = checkpoints.map((checkpoint) => checkpoint.delta);
    const ledgers = deltas.map((delta) => delta.ledger);
    const moved: [{ partition: number }[], number] = await transaction.query(
      `WITH delta AS (
         SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[],
                              $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
           AS delta(topic, partition, epoch, from_offset, to_offset, newest_event_time,
                    consumed, counted, late_counted, anomalies, duplicates, skipped, untimed_until)
       ), locked AS (
         -- In key order, so that a fenced replica and the owner never wait for each other.
         SELECT topic, partition FROM ingest_partitions JOIN delta USING (topic, partition)
          ORDER BY topic, partition FOR UPDATE OF ingest_partitions
       )
       UPDATE ingest_partitions AS stored SET
         next_offset = delta.to_offset,
         newest_event_time = greatest(stored.newest_event_time, delta.newest_event_time),
         consumed = stored.consumed + delta.consumed,
         counted = stored.counted + delta.counted,
         late_counted = stored.late_counted + delta.late_counted,
         anomalies = stored.anomalies + delta.anomalies,
         duplicates = stored.duplicates + delta.duplicates,
         skipped = stored.skipped + delta.skipped,
         untimed_until = greatest(stored.untimed_until, delta.untimed_until),
         last_flush_at = now(), last_flush_ms = $14, seen_at = now(),
         -- Not idle, however short the moment in which it was behind its log.
         caught_up_since = NULL
       FROM delta JOIN locked USING (topic, partition)
       WHERE stored.topic = delta.topic AND stored.partition = delta.partition
         AND stored.epoch = delta.epoch AND stored.next_offset = delta.from_offset AND stored.halted_at IS NULL
       RETURNING stored.partition`,
      [
        checkpoints.map((checkpoint) => checkpoint.topic),
        checkpoints.map((checkpoint) => checkpoint.partition),
        checkpoints.map((checkpoint) => checkpoint.epoch),
        deltas.map((delta) => String(delta.from)),
        deltas.map((delta) => String(delta.to)),
        deltas.map(({ newestEventTime }) =>
          newestEventTime === null ? null : timestampLiteral(newestEventTime),
        ),
        ledgers.map((ledger) => ledger.consumed),
        ledgers.map((ledger) => ledger.counted),
        ledgers.map((ledger) => ledger.lateCounted),
        ledgers.map((ledger) => ledger.anomalies),
        ledgers.map((ledger) => ledger.duplicates),
        ledgers.map((ledger) => ledger.skipped),
        deltas.map(({ untimedUntil }) => (untimedUntil === null ? null : String(untimedUntil))),
        flushMs,
      ],
    );
    const partitions = moved[0].map((row) => row.partition);
    await this.recentIds.add(
      transaction,
      checkpoints.filter(({ partition }) => partitions.includes(partition)),
    );
    return partitions;
  }

  /** Brings what the partition knew of its last event ids to memory; whoever has claimed it gets what belongs to the claim. */
  restoreIds(topic: string, partition: number, memory: RecentIds): Promise<void> {
    return this.recentIds.restore(topic, partition, memory);
  }

  /** Tells everyone how the owned partitions stand. @returns those still owned; another replica holds the rest */
  async report(topic: string, reports: readonly PartitionReport[]): Promise<number[]> {
    const owned: [{ partition: number }[], number] = await this.database.query(
      `UPDATE ingest_partitions AS stored SET
         high_watermark = report.high_watermark,
         caught_up_since = CASE WHEN stored.next_offset >= report.high_watermark THEN coalesce(stored.caught_up_since, now()) END,
         events_per_second = report.events_per_second,
         recent_events = coalesce(report.recent_events, stored.recent_events),
         recent_invalid = CASE WHEN report.recent_events IS NULL THEN stored.recent_invalid ELSE report.recent_invalid END,
         recent_reason = CASE WHEN report.recent_events IS NULL THEN stored.recent_reason ELSE report.recent_reason END,
         seen_at = now()
       FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::double precision[], $6::integer[], $7::integer[], $8::text[])
            AS report(partition, epoch, high_watermark, events_per_second, recent_events, recent_invalid, recent_reason)
       WHERE stored.topic = $1 AND stored.partition = report.partition AND stored.epoch = report.epoch
       RETURNING stored.partition`,
      [
        topic,
        reports.map((report) => report.partition),
        reports.map((report) => report.epoch),
        reports.map((report) => String(report.highWatermark)),
        reports.map((report) => report.eventsPerSecond),
        reports.map(({ outcomes }) => outcomes?.events ?? null),
        reports.map(({ outcomes }) => outcomes?.invalid ?? null),
        reports.map(({ outcomes }) => outcomes?.leadingReason ?? null),
      ],
    );
    return owned[0].map((row) => row.partition);
  }

  /** Takes the partition out of service until an operator acknowledges what happened to its log. */
  async halt(
    topic: string,
    partition: number,
    epoch: string,
    reason: HaltReason,
    detail: string,
  ): Promise<void> {
    await this.database.query(
      `UPDATE ingest_partitions SET halted_at = coalesce(halted_at, now()), halted_reason = $4, halted_detail = $5
        WHERE topic = $1 AND partition = $2 AND epoch = $3`,
      [topic, partition, epoch, reason, detail],
    );
  }

  /** Of these partitions, the ones that are halted. */
  async halted(topic: string, partitions: readonly number[]): Promise<number[]> {
    const rows: { partition: number }[] = await this.database.query(
      `SELECT partition FROM ingest_partitions WHERE topic = $1 AND partition = ANY($2) AND halted_at IS NOT NULL`,
      [topic, partitions],
    );
    return rows.map((row) => row.partition);
  }

  /**
   * Puts a halted partition back into service.
   * @param low the log that there is now, and the first offset that it still has
   * @returns what was acknowledged, or null when the partition is not halted
   */
  async acknowledge(topic: string, partition: number, low: LogPosition): Promise<Acknowledgement | null> {
    // A log of another id, or one that ends before the checkpoint, is another log: its offsets get a new incarnation, and its
    // events are judged by themselves, not by the watermark and the event ids of the log before it. Its id is kept: should it be
    // replaced once more before it is claimed, the claim finds out. A log that was away, and is back, goes on where it stopped.
    const rows: [AcknowledgedRow[], number] = await this.database.query(
      `WITH was AS (
         SELECT *, halted_reason = 'log_behind_checkpoint' OR coalesce(log_id <> $4, false) AS other_log
           FROM ingest_partitions
          WHERE topic = $1 AND partition = $2 AND halted_at IS NOT NULL FOR UPDATE
       ), forgotten AS (
         DELETE FROM recent_event_ids AS stored USING was
          WHERE was.other_log AND stored.topic = was.topic AND stored.partition = was.partition
       )
       UPDATE ingest_partitions AS now SET
         next_offset = CASE WHEN was.other_log THEN $3 ELSE greatest(was.next_offset, $3) END,
         log_id = $4, epoch = was.epoch + 1, halted_at = NULL, halted_reason = NULL, halted_detail = NULL,
         caught_up_since = NULL,
         newest_event_time = CASE WHEN NOT was.other_log THEN was.newest_event_time END,
         earlier_event_time = CASE WHEN was.other_log THEN greatest(was.earlier_event_time, was.newest_event_time)
                                   ELSE was.earlier_event_time END,
         first_offset = CASE WHEN was.other_log THEN $3 ELSE was.first_offset END,
         untimed_until = CASE WHEN was.other_log THEN 0 ELSE was.untimed_until END,
         incarnation = was.incarnation + CASE WHEN was.other_log THEN 1 ELSE 0 END
       FROM was
       WHERE now.topic = was.topic AND now.partition = was.partition
       RETURNING was.halted_reason AS reason, was.next_offset AS from_offset, now.next_offset AS to_offset, now.incarnation`,
      [topic, partition, String(low.offset), low.logId],
    );
    const row = rows[0][0];
    return row
      ? { reason: row.reason, from: row.from_offset, to: row.to_offset, incarnation: row.incarnation }
      : null;
  }
}

interface AcknowledgedRow {
  reason: HaltReason;
  from_offset: string;
  to_offset: string;
  incarnation: number;
}

export interface Acknowledgement {
  readonly reason: HaltReason;
  /** The checkpoint before and after; offsets between them, where there are any, are lost. */
  readonly from: string;
  readonly to: string;
  readonly incarnation: number;
}
