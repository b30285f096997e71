import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Day } from '../../aggregation/core/day.js';
import { Conditions } from '../../http/core/conditions.js';
import { formatInstant, formatOptionalInstant } from '../../http/core/instant.js';
import type { Page } from '../../http/list.js';
import { pageById, rowIdCursor } from '../../http/row-id.js';
import { PassedDays } from '../passed-days.js';
import type { BatchRun, RunsQuery } from './batch.schemas.js';

const runsCursor = rowIdCursor('batch/runs');

interface RunRow {
  id: string;
  date: Day;
  status: BatchRun['status'];
  trigger: BatchRun['trigger'];
  attempts: number;
  rows: number | null;
  error: string | null;
  owner: string | null;
  later: boolean;
  paused: boolean;
  not_before: Date;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

const COLUMNS = `id, stat_date::text AS date, status, trigger, attempts, rows, error, owner, not_before, created_at, started_at, finished_at,
  not_before > now() AS later, (SELECT paused_at IS NOT NULL FROM batch_control) AS paused`;

/** Reading the runs of the batch. */
@Injectable()
export class BatchQueries {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly passed: PassedDays,
  ) {}

  /** Newest first. */
  async list(query: RunsQuery): Promise<Page<BatchRun>> {
    const where = new Conditions();
    if (query.date) where.add('stat_date = ?', query.date);
    if (query.status) where.add('status = ?', query.status);
    return pageById(runsCursor, query, where, (clauses, values) => this.select(clauses, values));
  }

  async one(id: string): Promise<BatchRun | null> {
    const [run] = await this.select('WHERE id = $1', [id]);
    return run ?? null;
  }

  /** By day. */
  async many(ids: readonly string[]): Promise<BatchRun[]> {
    return this.select(`WHERE id = ANY($1::bigint[]) ORDER BY stat_date`, [ids]);
  }

  private async select(clauses: string, values: readonly unknown[]): Promise<BatchRun[]> {
    const rows: RunRow[] = await this.database.query(`SELECT ${COLUMNS} FROM batch_runs ${clauses}`, [
      ...values,
    ]);
    if (!rows.some(({ status }) => status === 'waiting')) return rows.map((row) => toRun(row, null));
    const passed = await this.passed.before();
    return rows.map((row) => toRun(row, row.status === 'waiting' ? waitingFor(row, passed) : null));
  }
}

function waitingFor(row: RunRow, passed: Day | null): BatchRun['waitingFor'] {
  if (row.paused) return 'resume';
  if (passed === null || row.date >= passed) return 'watermark';
  return row.later && row.attempts > 0 ? 'retry' : 'turn';
}

const toRun = (row: RunRow, waiting: BatchRun['waitingFor']): BatchRun => ({
  id: row.id,
  date: row.date,
  status: row.status,
  trigger: row.trigger,
  attempts: row.attempts,
  rows: row.rows,
  error: row.error,
  owner: row.owner,
  waitingFor: waiting,
  nextAttemptAt: waiting === 'retry' ? formatInstant(row.not_before) : null,
  createdAt: formatInstant(row.created_at),
  startedAt: formatOptionalInstant(row.started_at),
  finishedAt: formatOptionalInstant(row.finished_at),
});
