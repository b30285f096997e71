import { isUtf8 } from 'node:buffer';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { Conditions } from '../http/core/conditions.js';
import { cursorCodec } from '../http/core/cursor.js';
import { formatInstant, formatOptionalInstant } from '../http/core/instant.js';
import { JsonText } from '../http/core/json-text.js';
import { cursorPosition, type Page } from '../http/list.js';
import {
  anomalyStatuses,
  type anomaly,
  type anomalyDetail,
  type AnomaliesQuery,
  type AnomalyCount,
  type SummaryQuery,
} from './anomalies.schemas.js';
import { AnomalySearch } from './anomaly-search.js';
import { anomalyReasons } from './core/reason.js';
import {
  anomalyPosition,
  byIds,
  indexedRange,
  newestFirst,
  POSITION_TIME,
  whereOf,
  type AnomalyPosition,
} from './anomaly-source.js';

/** An anomaly on its way out: the event is text, so that no digit of it is lost. */
export type AnomalyItem = Omit<z.output<typeof anomaly>, 'eventData'> & { eventData: JsonText | null };
export type AnomalyDetail = AnomalyItem & Omit<z.output<typeof anomalyDetail>, keyof AnomalyItem>;

const listCursor = cursorCodec('anomalies', anomalyPosition);

/** Events of at most this many bytes altogether are on one page (but at least one): they may have 1 MiB each. */
const PAGE_BYTES = 8 * 1024 * 1024;

interface AnomalyRow {
  id: string;
  reason: AnomalyItem['reason'];
  detail: string;
  event: Buffer | null;
  topic: string;
  partition: number;
  offset: string;
  event_time: Date | null;
  status: AnomalyItem['status'];
  attempts: number;
  created_at: Date;
  at: AnomalyPosition[0];
}

// event_data tells whether the record is a JSON object, the record itself is what is shown; rows of other origin may
// have no record.
const EVENT = `CASE WHEN event_data IS NULL THEN NULL ELSE coalesce(raw, convert_to(event_data::text, 'UTF8')) END`;
const COLUMNS = `id, reason, detail, ${EVENT} AS event, topic, partition, "offset", event_time, status, attempts, created_at`;

/** Reading anomalies. */
@Injectable()
export class AnomaliesQueries {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly search: AnomalySearch,
  ) {}

  /** Newest first; a page of large events, or of a text that is hard to find, may be shorter than its limit. */
  async list({ q, cursor, limit, ...filters }: AnomaliesQuery): Promise<Page<AnomalyItem>> {
    const filter = { ...filters, before: cursorPosition(listCursor, cursor) };
    // One more than fits tells that there is a next page.
    const found = q === undefined ? null : await this.search.find(filter, q, limit + 1);
    const sql = new Conditions();
    const { query, order } = found
      ? byIds(
          sql,
          found.positions.map(([, id]) => id),
        )
      : newestFirst(sql, filter, '*', limit + 1);
    const rows: (AnomalyRow & { total: string })[] = await this.database.query(
      `SELECT ${COLUMNS}, ${POSITION_TIME} AS at, total FROM (
         SELECT *, count(*) OVER () AS total, sum(bytes) OVER (ORDER BY ${order}) - bytes AS bytes_before
           FROM (SELECT *, CASE WHEN event_data IS NULL THEN 0 ELSE coalesce(octet_length(raw), 0) END AS bytes
                   FROM (${query}) AS source) AS candidates
       ) AS sized
       WHERE bytes_before <= ${sql.parameter(PAGE_BYTES)}
       ORDER BY ${order} LIMIT ${sql.parameter(limit)}`,
      sql.values,
    );
    const last = rows.at(-1);
    const more = last !== undefined && Number(last.total) > rows.length;
    const end = more ? ([last.at, last.id] as const) : (found?.end ?? null);
    return { items: rows.map(toItem), nextCursor: end && listCursor.encode([...end]) };
  }

  /** Counts pair by pair, so that a range of time reads no more of the index than that range. */
  async summary({ from, to }: SummaryQuery): Promise<AnomalyCount[]> {
    const sql = new Conditions();
    const [reasons, statuses] = [sql.parameter(anomalyReasons), sql.parameter(anomalyStatuses)];
    const where = [
      'reason = pair_reason',
      'status = pair_status',
      ...indexedRange(sql, { from, to, before: null }),
    ];
    const rows: (Omit<AnomalyCount, 'count'> & { count: string })[] = await this.database.query(
      `SELECT pair_reason AS reason, pair_status AS status, count
         FROM unnest(${reasons}::text[]) AS pair_reason CROSS JOIN unnest(${statuses}::text[]) AS pair_status
        CROSS JOIN LATERAL (SELECT count(*) FROM anomalies ${whereOf(where)}) AS counted
        WHERE count > 0 ORDER BY count DESC, reason, status`,
      sql.values,
    );
    return rows.map((row) => ({ reason: row.reason, status: row.status, count: Number(row.count) }));
  }

  async one(id: string): Promise<AnomalyDetail | null> {
    const [row]: (AnomalyRow & { raw: Buffer | null })[] = await this.database.query(
      `SELECT ${COLUMNS}, raw FROM anomalies WHERE id = $1`,
      [id],
    );
    if (!row) return null;
    return {
      ...toItem(row),
      raw: row.raw && isUtf8(row.raw) ? row.raw.toString('utf8') : null,
      rawBase64: row.raw?.toString('base64') ?? null,
      history: [
        {
          at: formatInstant(row.created_at),
          actor: 'pipeline',
          action: 'set_aside',
          outcome: row.reason,
          detail: row.detail,
        },
        ...(await this.historyOf(id)),
      ],
    };
  }

  /** What was done to it since it was set aside, oldest first. */
  private async historyOf(id: string): Promise<AnomalyDetail['history']> {
    const rows: HistoryRow[] = await this.database.query(
      `SELECT at, actor, action, outcome, detail FROM anomaly_history WHERE anomaly_id = $1 ORDER BY id`,
      [id],
    );
    return rows.map((row) => ({ ...row, at: formatInstant(row.at) }));
  }
}

interface HistoryRow {
  at: Date;
  actor: string;
  action: string;
  outcome: string;
  detail: string | null;
}

const toItem = (row: AnomalyRow): AnomalyItem => ({
  id: row.id,
  reason: row.reason,
  detail: row.detail,
  eventData: jsonText(row.event),
  topic: row.topic,
  partition: row.partition,
  offset: row.offset,
  eventTime: formatOptionalInstant(row.event_time),
  status: row.status,
  attempts: row.attempts,
  createdAt: formatInstant(row.created_at),
});

function jsonText(event: Buffer | null): JsonText | null {
  if (event === null) return null;
  const text = event.toString('utf8');
  try {
    JSON.parse(text);
  } catch {
    // One row that somebody else wrote must not break the whole answer.
    return null;
  }
  return new JsonText(text);
}
