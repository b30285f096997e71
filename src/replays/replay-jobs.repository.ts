import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { WindowDelta } from '../aggregation/core/window-deltas.js';
import { anomalyReasons } from '../anomalies/core/reason.js';
import { anomalyConditions, type AnomalyFilter } from './anomaly-filter.js';
import { timestampLiteral } from '../database/instant.js';

/** Windows whose change a job remembers. */
export const MAX_CHANGES = 1000;

/** Bytes of the records of one chunk; but at least one record. */
export const CHUNK_BYTES = 16 * 1024 * 1024;

/**
 * Jobs that are worked on one after the other: anomalies a chunk at a time, dry runs of them, and windows made anew from the log,
 * both of which take long at a time.
 */
export type Lane = 'anomalies' | 'preview' | 'log';
const LANE = `CASE WHEN source = 'log' THEN 'log' WHEN dry_run THEN 'preview' ELSE 'anomalies' END`;

/** Class of the advisory locks of jobs that take long at a time; the number is that of the job. */
export const JOB_LOCK = 7_401_020;

export interface NewReplay {
  readonly dryRun: boolean;
  readonly filter: AnomalyFilter;
  readonly patch: object | null;
  readonly ratePerSecond: number;
  readonly force: boolean;
  readonly requestedBy: string;
}

/** A job that this transaction has to itself. */
export interface LockedReplay {
  readonly id: string;
  readonly filter: AnomalyFilter;
  readonly patch: object | null;
  readonly ratePerSecond: number;
  readonly force: boolean;
  readonly maxId: string;
  readonly cursorId: string;
  readonly applied: number;
  readonly rejected: number;
}

/** What a chunk has added to its job. */
export interface Progress {
  readonly cursorId: string;
  readonly applied: number;
  readonly rejected: number;
  /** Rejections by reason. */
  readonly byReason: Readonly<Record<string, number>>;
}

interface Matching {
  readonly total: string;
  /** Null when there is none. */
  readonly first_id: string | null;
  readonly last_id: string | null;
}

interface ReplayRow {
  id: string;
  filter: AnomalyFilter;
  patch: object | null;
  rate_per_second: number;
  force: boolean;
  max_id: string;
  cursor_id: string;
  applied: string;
  rejected: string;
}

/** The write side of `replays`. */
@Injectable()
export class ReplayJobsRepository {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Opens a job over the anomalies that are there now and match; those that come later are not in it. */
  async create({
    dryRun,
    filter,
    patch,
    ratePerSecond,
    force,
    requestedBy,
  }: NewReplay): Promise<string | null> {
    const matching = await this.matching(filter);
    if (!matching.last_id) return null;
    const [row]: { id: string }[] = await this.database.query(
      `INSERT INTO replays (source, dry_run, filter, patch, rate_per_second, force, max_id, cursor_id, total, requested_by)
       VALUES ('anomalies', $1, $2, $3, $4, $5, $6, $7::bigint - 1, $8, $9) RETURNING id`,
      [
        dryRun,
        JSON.stringify(filter),
        patch && JSON.stringify(patch),
        ratePerSecond,
        force,
        matching.last_id,
        matching.first_id,
        matching.total,
        requestedBy,
      ],
    );
    return row?.id ?? null;
  }

  /** How many anomalies of status `new` meet a filter, and the first and the last of them: chunks need not look elsewhere. */
  private async matching(filter: AnomalyFilter): Promise<Matching> {
    // Reason by reason: of each the index has those of a time.
    const where = anomalyConditions(filter).add('reason = chosen').add('status = ?', 'new');
    const reasons = where.parameter(filter.reason ? [filter.reason] : anomalyReasons);
    const [row]: Matching[] = await this.database.query(
      `SELECT coalesce(sum(total), 0) AS total, min(first_id) AS first_id, max(last_id) AS last_id
         FROM unnest(${reasons}::text[]) AS chosen CROSS JOIN LATERAL (
           SELECT count(*) AS total, min(id) AS first_id, max(id) AS last_id FROM anomalies ${String(where)}) AS part`,
      where.values,
    );
    if (!row) throw new Error('A count has no row');
    return row;
  }

  /** The lanes that have open jobs. Cheap, to be asked often. */
  async lanesOpen(): Promise<Lane[]> {
    const rows: { lane: Lane }[] = await this.database.query(
      `SELECT DISTINCT ${LANE} AS lane FROM replays WHERE status IN ('planned', 'running')`,
    );
    return rows.map(({ lane }) => lane);
  }

  /** The open jobs of a lane, oldest first, and in how many milliseconds each may go on. */
  async open(lane: Lane): Promise<{ id: string; dueInMs: number }[]> {
    return this.database.query(
      `SELECT id, greatest(0, extract(epoch FROM next_chunk_at - clock_timestamp()) * 1000)::double precision AS "dueInMs"
         FROM replays WHERE status IN ('planned', 'running') AND ${LANE} = $1 ORDER BY id`,
      [lane],
    );
  }

  async isOpen(transaction: EntityManager, id: string): Promise<boolean> {
    const rows: unknown[] = await transaction.query(
      `SELECT FROM replays WHERE id = $1 AND status IN ('planned', 'running')`,
      [id],
    );
    return rows.length > 0;
  }

  /**
   * Takes a dry run on for as long as the transaction lasts, without locking its row: it may take long, and be cancelled.
   * @returns null when it is ended, or another replica has it
   */
  async lockPreview(transaction: EntityManager, id: string): Promise<LockedReplay | null> {
    const [lock]: { locked: boolean }[] = await transaction.query(
      `SELECT pg_try_advisory_xact_lock(${JOB_LOCK}, ($1::bigint % 2147483647)::integer) AS locked`,
      [id],
    );
    return lock?.locked ? this.lock(this.database.manager, id) : null;
  }

  /** Takes a job on, until the end of the transaction. @returns null when it is ended, not due, or another replica has it */
  async lock(transaction: EntityManager, id: string): Promise<LockedReplay | null> {
    const [rows]: [ReplayRow[], number] = await transaction.query(
      `UPDATE replays SET status = 'running', started_at = coalesce(started_at, now())
        WHERE id = (SELECT id FROM replays WHERE id = $1 AND status IN ('planned', 'running')
                       AND next_chunk_at <= clock_timestamp() FOR UPDATE SKIP LOCKED)
        RETURNING id, filter, patch, rate_per_second, force, max_id, cursor_id, applied, rejected`,
      [id],
    );
    const [row] = rows;
    return row
      ? {
          id: row.id,
          filter: row.filter,
          patch: row.patch,
          ratePerSecond: row.rate_per_second,
          force: row.force,
          maxId: row.max_id,
          cursorId: row.cursor_id,
          applied: Number(row.applied),
          rejected: Number(row.rejected),
        }
      : null;
  }

  /** Ids of the next anomalies of a job after its cursor, in order; empty at its end. */
  async next(
    transaction: EntityManager,
    job: LockedReplay,
    cursorId: string,
    limit: number,
  ): Promise<string[]> {
    const where = anomalyConditions(job.filter)
      .add('status = ?', 'new')
      .add('id > ?', cursorId)
      .add('id <= ?', job.maxId);
    const rows: { id: string }[] = await transaction.query(
      `SELECT id FROM (
         SELECT id, sum(coalesce(octet_length(raw), 0)) OVER (ORDER BY id) - coalesce(octet_length(raw), 0) AS bytes_before
           FROM (SELECT id, raw FROM anomalies ${String(where)} ORDER BY id LIMIT ${where.parameter(limit)}) AS candidates
       ) AS sized
       WHERE bytes_before <= ${where.parameter(CHUNK_BYTES)} ORDER BY id`,
      where.values,
    );
    return rows.map(({ id }) => id);
  }

  /** @param waitMs milliseconds until the next chunk may begin */
  async advance(transaction: EntityManager, id: string, progress: Progress, waitMs: number): Promise<void> {
    await transaction.query(
      `UPDATE replays SET cursor_id = $2, applied = applied + $3, rejected = rejected + $4,
         by_reason = (SELECT coalesce(jsonb_object_agg(reason, count), '{}') FROM (
                        SELECT key AS reason, sum(value::bigint) AS count
                          FROM (SELECT * FROM jsonb_each_text(by_reason) UNION ALL SELECT * FROM jsonb_each_text($5::jsonb)) AS all_reasons
                         GROUP BY key) AS summed),
         next_chunk_at = greatest(next_chunk_at, clock_timestamp() - interval '1 second') + make_interval(secs => $6::double precision / 1000)
        WHERE id = $1`,
      [id, progress.cursorId, progress.applied, progress.rejected, JSON.stringify(progress.byReason), waitMs],
    );
  }

  /** Ends a job. */
  async end(
    connection: EntityManager,
    id: string,
    status: 'succeeded' | 'failed' | 'cancelled',
    error: string | null,
  ): Promise<boolean> {
    const [, changed]: [unknown, number] = await connection.query(
      `UPDATE replays SET status = $2, error = $3, finished_at = clock_timestamp()
        WHERE id = $1 AND status IN ('planned', 'running')`,
      [id, status, error],
    );
    return changed === 1;
  }

  /** Notes what windows were before and after deltas that this transaction has added to them. */
  async noteChanges(transaction: EntityManager, id: string, deltas: readonly WindowDelta[]): Promise<void> {
    await transaction.query(
      `WITH delta AS (${DELTAS}), current AS (
         SELECT metric_type, metric_key, window_start, metric_value AS after,
                metric_value_of(metric_type, metric_key, stored.event_count - delta.event_count, stored.sum_micros - delta.sum_micros) AS before
           FROM delta JOIN real_time_metrics AS stored USING (metric_type, metric_key, window_start)
       ), known AS (
         UPDATE replay_changes AS change SET after = current.after FROM current
          WHERE change.replay_id = $1 AND change.metric_type = current.metric_type
            AND change.metric_key = current.metric_key AND change.window_start = current.window_start
         RETURNING change.metric_type, change.metric_key, change.window_start
       )
       INSERT INTO replay_changes (replay_id, metric_type, metric_key, window_start, before, after)
       SELECT $1, metric_type, metric_key, window_start, before, after FROM current
        WHERE (metric_type, metric_key, window_start) NOT IN (SELECT metric_type, metric_key, window_start FROM known)
        ORDER BY window_start, metric_type, metric_key
        LIMIT (SELECT greatest(0, ${MAX_CHANGES} - count(*)) FROM replay_changes WHERE replay_id = $1)`,
      [id, ...deltaParameters(deltas)],
    );
  }

  /** Notes what windows would be if deltas were added to them. */
  async notePreview(transaction: EntityManager, id: string, deltas: readonly WindowDelta[]): Promise<void> {
    await transaction.query(
      `INSERT INTO replay_changes (replay_id, metric_type, metric_key, window_start, before, after)
       SELECT $1, metric_type, metric_key, window_start, coalesce(stored.metric_value, 0),
              metric_value_of(metric_type, metric_key, coalesce(stored.event_count, 0) + delta.event_count,
                              coalesce(stored.sum_micros, 0) + delta.sum_micros)
         FROM (${DELTAS}) AS delta LEFT JOIN real_time_metrics AS stored USING (metric_type, metric_key, window_start)`,
      [id, ...deltaParameters(deltas)],
    );
  }
}

const DELTAS = `SELECT * FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::numeric[])
  AS delta(metric_type, metric_key, window_start, event_count, sum_micros)`;

const deltaParameters = (deltas: readonly WindowDelta[]): unknown[] => [
  deltas.map((delta) => delta.metricType),
  deltas.map((delta) => delta.metricKey),
  deltas.map((delta) => timestampLiteral(delta.windowStart * 1000)),
  deltas.map((delta) => delta.eventCount),
  deltas.map((delta) => String(delta.sumMicros)),
];
