import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { Conditions } from '../http/core/conditions.js';
import { cursorCodec } from '../http/core/cursor.js';
import { formatInstant, instantOfText } from '../http/core/instant.js';
import { cursorPosition, page, type Page } from '../http/list.js';
import type { KeysQuery, Metric, MetricKey, MetricsQuery } from './metrics.schemas.js';
import { WatermarkService } from './watermark.service.js';

const metricsCursor = cursorCodec(
  'metrics',
  z.strictObject({
    order: z.enum(['asc', 'desc']),
    /** Start of the default range when the first page was asked for, so that it does not move between pages. */
    since: z.iso.datetime().nullable(),
    at: z.tuple([z.iso.datetime(), z.string(), z.string()]),
  }),
);

const keysCursor = cursorCodec('metrics/keys', z.tuple([z.string(), z.string()]));

interface MetricRow {
  window_start: string;
  window_end: string;
  metric_type: string;
  metric_key: string;
  metric_value: number;
  event_count: string;
  late_events: string;
  status: Metric['status'];
  created_at: string;
  updated_at: string;
}

/** The read model: window rows with the status that the pipeline watermark gives them now. */
@Injectable()
export class MetricsQueries {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly watermarks: WatermarkService,
  ) {}

  async list(query: MetricsQuery, now: Date): Promise<Page<Metric>> {
    const position = cursorPosition(metricsCursor, query.cursor, ({ order }) => order === query.order);
    const since = query.from || query.to ? null : (position?.since ?? dayBefore(now));
    const { watermark } = await this.watermarks.current();
    const where = new Conditions();
    // A null watermark passes no window: all are open.
    const open = `(window_end > coalesce(${where.parameter(watermark === null ? null : new Date(watermark))}::timestamptz, '-infinity'))`;
    if (query.from ?? since) where.add('window_start >= ?', query.from ?? since);
    if (query.to) where.add('window_start < ?', query.to);
    if (query.type) where.add('metric_type = ?', query.type);
    if (query.key) where.add('metric_key = ?', query.key);
    if (query.status) where.add(`${statusSql(open)} = ?`, query.status);
    if (position) {
      where.add(
        `(window_start, metric_type, metric_key) ${query.order === 'asc' ? '>' : '<'} (?, ?, ?)`,
        ...position.at,
      );
    }
    const direction = query.order === 'asc' ? 'ASC' : 'DESC';
    const rows: MetricRow[] = await this.database.query(
      `SELECT window_start::text, window_end::text, metric_type, metric_key, metric_value, event_count, late_events,
              created_at::text, updated_at::text, ${statusSql(open)} AS status
         FROM real_time_metrics AS stored ${String(where)}
        ORDER BY stored.window_start ${direction}, metric_type ${direction}, metric_key ${direction}
        LIMIT ${where.parameter(query.limit + 1)}`,
      where.values,
    );
    return page(rows.map(toMetric), query.limit, (last) =>
      metricsCursor.encode({
        order: query.order,
        since,
        at: [last.windowStart, last.metricType, last.metricKey],
      }),
    );
  }

  /** Jumps from key to key through the primary key, however many windows each has. */
  async keys(query: KeysQuery): Promise<Page<MetricKey>> {
    const [type, key] = cursorPosition(keysCursor, query.cursor) ?? [query.type ?? '', ''];
    const rows: { metric_type: string; metric_key: string; last_window_start: Date }[] =
      await this.database.query(
        `WITH RECURSIVE keys AS (
           (SELECT metric_type, metric_key, 1 AS n FROM real_time_metrics
             WHERE (metric_type, metric_key) > ($1, $2) AND metric_type <= $3
             ORDER BY metric_type, metric_key LIMIT 1)
           UNION ALL
           SELECT next.metric_type, next.metric_key, keys.n + 1 FROM keys CROSS JOIN LATERAL (
             SELECT metric_type, metric_key FROM real_time_metrics
              WHERE (metric_type, metric_key) > (keys.metric_type, keys.metric_key) AND metric_type <= $3
              ORDER BY metric_type, metric_key LIMIT 1) next
            WHERE keys.n < $4
         )
         SELECT metric_type, metric_key,
                (SELECT max(window_start) FROM real_time_metrics m
                  WHERE m.metric_type = keys.metric_type AND m.metric_key = keys.metric_key) AS last_window_start
           FROM keys ORDER BY metric_type, metric_key`,
        [type, key, query.type ?? LAST_TYPE, query.limit + 1],
      );
    const items = rows.map((row) => ({
      metricType: row.metric_type,
      metricKey: row.metric_key,
      lastWindowStart: formatInstant(row.last_window_start),
    }));
    return page(items, query.limit, (last) => keysCursor.encode([last.metricType, last.metricKey]));
  }
}

/** Sorts behind every metric type. */
const LAST_TYPE = '~';

const statusSql = (open: string): string =>
  `CASE WHEN ${open} THEN 'open' WHEN late_events > 0 THEN 'amended' ELSE 'final' END`;

const dayBefore = (now: Date): string => new Date(now.getTime() - 86_400_000).toISOString();

const toMetric = (row: MetricRow): Metric => ({
  windowStart: instantOfText(row.window_start),
  windowEnd: instantOfText(row.window_end),
  metricType: row.metric_type,
  metricKey: row.metric_key,
  metricValue: row.metric_value,
  eventCount: Number(row.event_count),
  lateEvents: Number(row.late_events),
  status: row.status,
  createdAt: instantOfText(row.created_at),
  updatedAt: instantOfText(row.updated_at),
});
