import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { inTransaction } from '../database/transaction.js';
import { Conditions } from '../http/core/conditions.js';
import { formatInstant, formatOptionalInstant } from '../http/core/instant.js';
import type { Page } from '../http/list.js';
import { pageById, rowIdCursor } from '../http/row-id.js';
import type { RunProgress } from './simulator-run.js';
import type { Run, RunParameters, RunsQuery, RunStatus } from './simulator.schemas.js';
import { earlierRuns } from './standings.js';

/** Advisory lock of the process that has the run. */
export const SIMULATOR_LOCK = 7_401_030;

/** What another replica wants of the one that has the run. */
export type RunRequest = 'stop' | 'pause' | 'resume';

interface RunRow {
  id: string;
  seed: string;
  parameters: RunParameters;
  status: RunStatus;
  sent: string;
  events_per_second: number;
  last_error_at: Date | null;
  last_error: string | null;
  started_at: Date;
  finished_at: Date | null;
}

const OPEN = `status IN ('running', 'paused')`;
const cursor = rowIdCursor('simulator/runs');

/** The runs of all replicas, in `simulator_runs`. */
@Injectable()
export class SimulatorRunsRepository {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Stores a run that begins, and counts those with its seed before it. Only for whoever holds the lock: open runs of others are interrupted ones then. */
  async open(
    seed: number,
    parameters: RunParameters,
    owner: string,
  ): Promise<{ run: Run; earlierRuns: number }> {
    // At once: the owner of a run that lost its lock might take it back in between.
    const rows = await inTransaction(this.database, async (transaction) => {
      await transaction.query(
        `UPDATE simulator_runs SET status = 'interrupted', finished_at = clock_timestamp() WHERE ${OPEN}`,
      );
      const [stored]: RunRow[] = await transaction.query(
        `INSERT INTO simulator_runs (seed, parameters, owner) VALUES ($1, $2, $3) RETURNING *`,
        [seed, JSON.stringify(parameters), owner],
      );
      return stored && { stored, earlierRuns: await earlierRuns(stored.id, seed, transaction) };
    });
    if (!rows) throw new Error('The run was not stored');
    return { run: toRun(rows.stored), earlierRuns: rows.earlierRuns };
  }

  /**
   * Stores how far a run is; also when it was taken for interrupted, which it may be while the database is away.
   * @returns what another replica wants of it; `stop` as well when the run is no longer ours: there is a newer one
   */
  async save(id: string, progress: RunProgress): Promise<RunRequest | null> {
    const [rows]: [{ request: RunRequest | null }[], number] = await this.database.query(
      `UPDATE simulator_runs AS run SET status = $2::text, sent = $3, events_per_second = $4, last_error_at = $5, last_error = $6,
              request = NULL, finished_at = CASE WHEN $7::timestamptz IS NOT NULL THEN greatest(started_at, $7) END
         FROM (SELECT id, request FROM simulator_runs WHERE id = $1 AND (${OPEN} OR status = 'interrupted')
                  AND NOT EXISTS (SELECT FROM simulator_runs WHERE id > $1) FOR UPDATE) AS before
        WHERE run.id = before.id RETURNING before.request`,
      [
        id,
        progress.status,
        progress.sent,
        progress.eventsPerSecond,
        progress.lastError?.at ?? null,
        progress.lastError?.message ?? null,
        progress.finishedAt,
      ],
    );
    const [row] = rows;
    return row ? row.request : 'stop';
  }

  /** @returns false when no run is open */
  async request(id: string, request: RunRequest): Promise<boolean> {
    const [, changed]: [unknown, number] = await this.database.query(
      `UPDATE simulator_runs SET request = CASE WHEN request = 'stop' THEN request ELSE $2 END WHERE id = $1 AND ${OPEN}`,
      [id, request],
    );
    return changed === 1;
  }

  /** Ends the open run of a process that is gone. */
  async sweep(): Promise<void> {
    await this.database.query(
      `UPDATE simulator_runs SET status = 'interrupted', finished_at = clock_timestamp()
        WHERE ${OPEN} AND pg_try_advisory_xact_lock($1)`,
      [SIMULATOR_LOCK],
    );
  }

  /** The open run, or the last one. */
  async latest(): Promise<Run | null> {
    const [row]: RunRow[] = await this.database.query(
      `SELECT * FROM simulator_runs ORDER BY id DESC LIMIT 1`,
    );
    return row ? toRun(row) : null;
  }

  async one(id: string): Promise<Run | null> {
    await this.sweep();
    const [row]: RunRow[] = await this.database.query(`SELECT * FROM simulator_runs WHERE id = $1`, [id]);
    return row ? toRun(row) : null;
  }

  /** Newest first. */
  async list(query: RunsQuery): Promise<Page<Run>> {
    const where = new Conditions();
    if (query.status) where.add('status = ?', query.status);
    return pageById(cursor, query, where, async (clauses, values) => {
      await this.sweep();
      const rows: RunRow[] = await this.database.query(`SELECT * FROM simulator_runs ${clauses}`, [
        ...values,
      ]);
      return rows.map(toRun);
    });
  }
}

const toRun = (row: RunRow): Run => ({
  id: row.id,
  seed: Number(row.seed),
  parameters: { ...row.parameters, startTime: formatInstant(new Date(row.parameters.startTime)) },
  status: row.status,
  sent: Number(row.sent),
  eventsPerSecond: row.events_per_second,
  lastError:
    row.last_error_at === null
      ? null
      : { at: formatInstant(row.last_error_at), message: row.last_error ?? '' },
  startedAt: formatInstant(row.started_at),
  finishedAt: formatOptionalInstant(row.finished_at),
});
