import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { Conditions } from '../http/core/conditions.js';
import { formatInstant, formatOptionalInstant } from '../http/core/instant.js';
import type { Page } from '../http/list.js';
import { pageById, rowIdCursor } from '../http/row-id.js';
import type { Replay, ReplayDetail, ReplaysQuery } from './replays.schemas.js';

const cursor = rowIdCursor('replays');

type ReplayRow = Pick<Replay, 'id' | 'source' | 'status' | 'filter' | 'patch' | 'force' | 'error'> & {
  dry_run: boolean;
  rate_per_second: number;
  total: string;
  applied: string;
  rejected: string;
  by_reason: Record<string, number>;
  records_read: string;
  ingestion_paused_ms: number | null;
  requested_by: string;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
};

type Change = ReplayDetail['changes'][number];

/** Reading replays. */
@Injectable()
export class ReplaysQueries {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Newest first. */
  async list(query: ReplaysQuery): Promise<Page<Replay>> {
    const where = new Conditions();
    if (query.status) where.add('status = ?', query.status);
    return pageById(cursor, query, where, async (clauses, values) => {
      const rows: ReplayRow[] = await this.database.query(`SELECT * FROM replays ${clauses}`, [...values]);
      return rows.map(toReplay);
    });
  }

  async one(id: string): Promise<ReplayDetail | null> {
    const [row]: ReplayRow[] = await this.database.query(`SELECT * FROM replays WHERE id = $1`, [id]);
    if (!row) return null;
    const changes: (Omit<Change, 'windowStart'> & { windowStart: Date })[] = await this.database.query(
      `SELECT metric_type AS "metricType", metric_key AS "metricKey", window_start AS "windowStart", before, after
         FROM replay_changes WHERE replay_id = $1 ORDER BY window_start, metric_type, metric_key`,
      [id],
    );
    return {
      ...toReplay(row),
      changes: changes.map((change) => ({ ...change, windowStart: formatInstant(change.windowStart) })),
    };
  }

  /** Of these anomalies, the ones that there are not. */
  async unknownAnomalies(ids: readonly string[]): Promise<string[]> {
    const rows: { id: string }[] = await this.database.query(
      `SELECT asked.id FROM unnest($1::bigint[]) AS asked(id)
        WHERE NOT EXISTS (SELECT FROM anomalies WHERE anomalies.id = asked.id)`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }
}

const toReplay = (row: ReplayRow): Replay => ({
  id: row.id,
  source: row.source,
  status: row.status,
  dryRun: row.dry_run,
  filter: row.filter,
  patch: row.patch,
  ratePerSecond: row.rate_per_second,
  force: row.force,
  total: Number(row.total),
  applied: Number(row.applied),
  rejected: Number(row.rejected),
  byReason: row.by_reason,
  recordsRead: row.source === 'log' ? Number(row.records_read) : null,
  ingestionPausedMs: row.ingestion_paused_ms,
  error: row.error,
  requestedBy: row.requested_by,
  createdAt: formatInstant(row.created_at),
  startedAt: formatOptionalInstant(row.started_at),
  finishedAt: formatOptionalInstant(row.finished_at),
});
