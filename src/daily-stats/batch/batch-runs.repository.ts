import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Day } from '../../aggregation/core/day.js';
import { triggers, type Trigger } from '../core/trigger.js';

/** A run that is to be taken. */
export interface OpenRun {
  readonly id: string;
  readonly date: Day;
  readonly trigger: Trigger;
  readonly status: 'waiting' | 'running';
  readonly attempts: number;
  /** How many of the attempts ended with their replica. */
  readonly interruptions: number;
}

const OPEN_RUN = `id, stat_date::text AS date, trigger, status, attempts, interruptions`;

/** Runs left to themselves for this long by the request that made them are taken by whoever comes. */
const REQUEST_LEAD = `interval '10 seconds'`;

/** Runs that a look at the queue brings; more only matter to replicas that find all of these taken. */
const CANDIDATES = 100;

/** `batch_runs`: the queue of the batch, and its history. At most one run of a day is open. */
@Injectable()
export class BatchRunsRepository {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /**
   * Runs that can be taken now, the most urgent first; also those that are running, for their replica may have died.
   * @param passed days before this one are over by the pipeline watermark
   */
  async candidates(passed: Day): Promise<OpenRun[]> {
    return this.database.query(
      `SELECT ${OPEN_RUN} FROM batch_runs
        WHERE status = 'running' OR (status = 'waiting' AND not_before <= now() AND stat_date < $1::date)
        ORDER BY array_position($2::text[], trigger::text), stat_date
        LIMIT ${CANDIDATES}`,
      [passed, triggers],
    );
  }

  /**
   * Opens a run by hand. One that was waiting for its turn, its next attempt or the watermark becomes this one.
   * @param forItself whether the caller takes it, so that nobody else need
   * @returns null while a run of the day is running
   */
  async request(day: Day, forItself: boolean): Promise<OpenRun | null> {
    const rows: OpenRun[] = await this.database.query(
      `INSERT INTO batch_runs AS stored (stat_date, trigger, not_before)
       VALUES ($1, 'manual', now() + CASE WHEN $2 THEN ${REQUEST_LEAD} ELSE interval '0' END)
       ON CONFLICT (stat_date) WHERE status IN ('waiting', 'running')
       DO UPDATE SET trigger = excluded.trigger, not_before = excluded.not_before WHERE stored.status = 'waiting'
       RETURNING ${OPEN_RUN}`,
      [day, forItself],
    );
    return rows[0] ?? null;
  }

  async open(day: Day): Promise<OpenRun | null> {
    const rows: OpenRun[] = await this.database.query(
      `SELECT ${OPEN_RUN} FROM batch_runs WHERE stat_date = $1 AND status IN ('waiting', 'running')`,
      [day],
    );
    return rows[0] ?? null;
  }

  /**
   * Begins an attempt; seen by all at once, unlike what the attempt does. The day has to be locked.
   * @returns how many attempts there were, this one included; null when the run is not waiting any more
   */
  async begin(id: string, owner: string): Promise<number | null> {
    const [rows]: [{ attempts: number }[], number] = await this.database.query(
      `UPDATE batch_runs SET status = 'running', attempts = attempts + 1, owner = $2, started_at = now(),
              error = NULL, finished_at = NULL
        WHERE id = $1 AND status = 'waiting' RETURNING attempts`,
      [id, owner],
    );
    return rows[0]?.attempts ?? null;
  }

  /** Ends the run with the commit of the transaction that built the day. */
  async succeed(transaction: EntityManager, id: string, dayRows: number): Promise<void> {
    const [, changed]: [unknown, number] = await transaction.query(
      `UPDATE batch_runs SET status = 'succeeded', rows = $2, finished_at = clock_timestamp()
        WHERE id = $1 AND status = 'running'`,
      [id, dayRows],
    );
    // The lock of the day makes this impossible; if it were not, committing would build the day in nobody's name.
    if (changed !== 1) throw new Error(`Run ${id} was ended by somebody else`);
  }

  /**
   * Ends a failed attempt, and with it the run unless it is to be tried again.
   * @param retryAfterMs milliseconds until the next attempt; null for none
   * @returns false when the attempt was not under way any more
   */
  async fail(
    connection: EntityManager,
    id: string,
    attempts: number,
    error: string,
    retryAfterMs: number | null,
  ): Promise<boolean> {
    const [, changed]: [unknown, number] = await connection.query(
      `UPDATE batch_runs SET
         status = CASE WHEN $4::double precision IS NULL THEN 'failed' ELSE 'waiting' END,
         not_before = CASE WHEN $4 IS NULL THEN not_before ELSE clock_timestamp() + make_interval(secs => $4 / 1000) END,
         error = $3, finished_at = CASE WHEN $4 IS NULL THEN clock_timestamp() END
       WHERE id = $1 AND status = 'running' AND attempts = $2`,
      [id, attempts, error, retryAfterMs],
    );
    return changed === 1;
  }

  /**
   * Puts a run back whose replica has gone in the middle of it.
   * @param retryAfterMs milliseconds until the next attempt
   * @returns false when it was not running any more
   */
  async requeue(connection: EntityManager, run: OpenRun, retryAfterMs: number): Promise<boolean> {
    const [, changed]: [unknown, number] = await connection.query(
      `UPDATE batch_runs SET status = 'waiting', interruptions = interruptions + 1,
         not_before = clock_timestamp() + make_interval(secs => $3::double precision / 1000),
         error = 'interrupted: the replica has gone'
       WHERE id = $1 AND status = 'running' AND attempts = $2`,
      [run.id, run.attempts, retryAfterMs],
    );
    return changed === 1;
  }
}
