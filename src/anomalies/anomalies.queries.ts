import { isUtf8 } from 'node:buffer';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { likeAnywhere, type Conditions } from '../http/core/conditions.js';
import { cursorCodec } from '../http/core/cursor.js';
import { formatInstant, formatOptionalInstant } from '../http/core/instant.js';
import { JsonText } from '../http/core/json-text.js';
import { cursorPosition, type Page } from '../http/list.js';
import {
  anomalyId,
  type anomaly,
  type anomalyDetail,
  type AnomaliesQuery,
  type AnomalyCount,
  type SummaryQuery,
} from './anomalies.schemas.js';
import { anomalyConditions } from './anomaly-filter.js';

/** An anomaly on its way out: the event is text, so that no digit of it is lost. */
export type AnomalyItem = Omit<z.output<typeof anomaly>, 'eventData'> & { eventData: JsonText | null };
export type AnomalyDetail = AnomalyItem & Omit<z.output<typeof anomalyDetail>, keyof AnomalyItem>;

const listCursor = cursorCodec('anomalies', anomalyId);

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
}

// event_data tells whether the record is a JSON object, the record itself is what is shown; rows of other origin may
// have no record.
const EVENT = `CASE WHEN event_data IS NULL THEN NULL ELSE coalesce(raw, convert_to(event_data::text, 'UTF8')) END`;
const COLUMNS = `id, reason, detail, ${EVENT} AS event, topic, partition, "offset", event_time, status, attempts, created_at`;

/** Reading anomalies. */
@Injectable()
export class AnomaliesQueries {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Newest first; a page of large events may be shorter than its limit. */
  async list(query: AnomaliesQuery): Promise<Page<AnomalyItem>> {
    const before = cursorPosition(listCursor, query.cursor);
    const where = anomalyConditions(query);
    if (query.status) where.add('status = ?', query.status);
    if (query.q) addSearch(where, query.q);
    if (before) where.add('id < ?', before);
    const rows: (AnomalyRow & { total: string; bytes_before: string })[] = await this.database.query(
      `SELECT ${COLUMNS}, total, bytes_before FROM (
         SELECT *, count(*) OVER () AS total, sum(bytes) OVER (ORDER BY id DESC) - bytes AS bytes_before FROM (
           SELECT *, CASE WHEN event_data IS NULL THEN 0 ELSE coalesce(octet_length(raw), 0) END AS bytes
             FROM anomalies ${String(where)} ORDER BY id DESC LIMIT ${where.parameter(query.limit + 1)}) candidates
       ) sized
       WHERE bytes_before <= ${where.parameter(PAGE_BYTES)}
       ORDER BY id DESC LIMIT ${where.parameter(query.limit)}`,
      where.values,
    );
    const items = rows.map(toItem);
    const last = items.at(-1);
    const more = Number(rows[0]?.total ?? 0) > items.length;
    return { items, nextCursor: more && last ? listCursor.encode(last.id) : null };
  }

  async summary(query: SummaryQuery): Promise<AnomalyCount[]> {
    const where = anomalyConditions(query);
    const rows: (Omit<AnomalyCount, 'count'> & { count: string })[] = await this.database.query(
      `SELECT reason, status, count(*) AS count FROM anomalies ${String(where)}
        GROUP BY reason, status ORDER BY count(*) DESC, reason, status`,
      where.values,
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

/**
 * The record may be anything, so it is searched in PostgreSQL's escape form, where bytes beyond ASCII are `\ooo`;
 * event_data, which takes longer to search, finds what the record has written as `\uXXXX`.
 */
function addSearch(where: Conditions, text: string): void {
  const pattern = likeAnywhere(text);
  where.add(
    String.raw`(detail ILIKE ? OR encode(raw, 'escape') ILIKE ?
      OR ((raw IS NULL OR position('\x5c75'::bytea IN raw) > 0) AND event_data::text ILIKE ?))`,
    pattern,
    likeAnywhere(escapeForm(text)),
    pattern,
  );
}

const escapeForm = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      byte === 0x5c
        ? '\\\\'
        : byte < 0x80
          ? String.fromCharCode(byte)
          : `\\${byte.toString(8).padStart(3, '0')}`,
    )
    .join('');

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
