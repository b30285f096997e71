import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { parseDay } from '../aggregation/core/day.js';
import { Conditions } from '../http/core/conditions.js';
import { cursorCodec } from '../http/core/cursor.js';
import { cursorPosition, page, type Page } from '../http/list.js';
import type { DailyStat, DailyStatsQuery } from './daily-stats.schemas.js';

/** A text that PostgreSQL can hold. */
const storable = z.string().refine((text) => !text.includes('\0'));

const cursor = cursorCodec(
  'daily-stats',
  z.strictObject({
    order: z.enum(['asc', 'desc']),
    at: z.tuple([z.string().refine((day) => parseDay(day) !== null), storable, storable]),
  }),
);

/** Reading daily stats. */
@Injectable()
export class DailyStatsQueries {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** By day, type and key. */
  async list(query: DailyStatsQuery): Promise<Page<DailyStat>> {
    const after = cursorPosition(cursor, query.cursor, ({ order }) => order === query.order);
    const [direction, beyond] = query.order === 'asc' ? ['ASC', '>'] : ['DESC', '<'];
    const where = new Conditions();
    if (query.date) where.add('stat_date = ?', query.date);
    if (query.from) where.add('stat_date >= ?', query.from);
    if (query.to) where.add('stat_date < ?', query.to);
    if (query.type) where.add('metric_type = ?', query.type);
    if (query.key) where.add('metric_key = ?', query.key);
    if (after) where.add(`(stat_date, metric_type, metric_key) ${beyond} (?, ?, ?)`, ...after.at);
    const rows: DailyStat[] = await this.database.query(
      `SELECT stat_date::text AS "statDate", metric_type AS "metricType", metric_key AS "metricKey", metric_value AS "metricValue"
         FROM daily_stats ${String(where)}
        ORDER BY stat_date ${direction}, metric_type ${direction}, metric_key ${direction}
        LIMIT ${where.parameter(query.limit + 1)}`,
      where.values,
    );
    return page(rows, query.limit, (last) =>
      cursor.encode({ order: query.order, at: [last.statDate, last.metricType, last.metricKey] }),
    );
  }
}
