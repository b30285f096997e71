import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { JOB_LOCK } from '../replay-jobs.repository.js';

/** A job that makes the windows of `[from, to)` anew; instants. */
export interface LogReplay {
  readonly id: string;
  readonly dryRun: boolean;
  readonly from: string;
  readonly to: string;
}

/** How many records were read, of how many that are to be. */
export interface Reading {
  readonly read: number;
  readonly total: number;
}

export interface LogResult {
  readonly read: number;
  /** Events in the windows. */
  readonly applied: number;
  /** Records of the range that are rejected. */
  readonly rejected: number;
  readonly byReason: Readonly<Record<string, number>>;
  /** Null for a dry run, which holds nobody up. */
  readonly ingestionPausedMs: number | null;
}

/** What is special in `replays` about jobs of the log. */
@Injectable()
export class LogJobsRepository {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Opens a job that makes windows anew from the log. @param range instants */
  async create(
    range: { readonly from: string; readonly to: string },
    dryRun: boolean,
    requestedBy: string,
  ): Promise<string> {
    const [row]: { id: string }[] = await this.database.query(
      `INSERT INTO replays (source, dry_run, filter, rate_per_second, force, max_id, total, requested_by)
       VALUES ('log', $1, $2, 0, false, 0, 0, $3) RETURNING id`,
      [dryRun, JSON.stringify(range), requestedBy],
    );
    if (!row) throw new Error('The replay was not stored');
    return row.id;
  }

  /**
   * Takes a job of the log on for as long as the session lasts, from its beginning.
   * @returns null when it is ended, or another replica has it
   */
  async take(session: EntityManager, id: string): Promise<LogReplay | null> {
    const [lock]: { locked: boolean }[] = await session.query(
      `SELECT pg_try_advisory_lock(${JOB_LOCK}, ($1::bigint % 2147483647)::integer) AS locked`,
      [id],
    );
    if (!lock?.locked) return null;
    const [rows]: [{ filter: { from: string; to: string }; dry_run: boolean }[], number] =
      await session.query(
        `UPDATE replays SET status = 'running', started_at = coalesce(started_at, now()), records_read = 0
        WHERE id = $1 AND status IN ('planned', 'running') RETURNING filter, dry_run`,
        [id],
      );
    const [row] = rows;
    return row ? { id, dryRun: row.dry_run, ...row.filter } : null;
  }

  /** Notes how far a job of the log has come. @returns false when it has been cancelled */
  async noteProgress(session: EntityManager, id: string, { read, total }: Reading): Promise<boolean> {
    const [, changed]: [unknown, number] = await session.query(
      `UPDATE replays SET records_read = $2, total = $3 WHERE id = $1 AND status IN ('planned', 'running')`,
      [id, read, total],
    );
    return changed === 1;
  }

  /** Ends a job of the log well. @returns false when it has been cancelled */
  async succeed(transaction: EntityManager, id: string, result: LogResult): Promise<boolean> {
    const [, changed]: [unknown, number] = await transaction.query(
      `UPDATE replays SET status = 'succeeded', finished_at = clock_timestamp(), records_read = $2, total = $2,
              applied = $3, rejected = $4, by_reason = $5, ingestion_paused_ms = $6, error = NULL
        WHERE id = $1 AND status IN ('planned', 'running')`,
      [
        id,
        result.read,
        result.applied,
        result.rejected,
        JSON.stringify(result.byReason),
        result.ingestionPausedMs,
      ],
    );
    return changed === 1;
  }

  /** Puts a job off, and says why. */
  async postpone(id: string, reason: string, waitMs: number): Promise<void> {
    await this.database.query(
      `UPDATE replays SET error = $2, next_chunk_at = clock_timestamp() + make_interval(secs => $3::double precision / 1000)
        WHERE id = $1 AND status IN ('planned', 'running')`,
      [id, reason, waitMs],
    );
  }
}
