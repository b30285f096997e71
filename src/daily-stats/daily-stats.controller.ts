import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import type { Page } from '../http/list.js';
import { DailyStatsQueries } from './daily-stats.queries.js';
import {
  dailyStat,
  dailyStatExample,
  dailyStatPage,
  dailyStatsQuery,
  type DailyStat,
  type DailyStatsQuery,
} from './daily-stats.schemas.js';

/** What the daily batch has built. */
@ApiTags('Daily stats')
@Controller('daily-stats')
export class DailyStatsController {
  constructor(private readonly stats: DailyStatsQueries) {}

  @Get()
  @Endpoint({
    summary: 'List daily stats',
    description:
      'Of one day (`date`) or of a range of days (`from` and `to`), sorted by day, type and key. A day without data, or one that is not built yet, has no items; `GET /batch/schedule` tells which.',
    response: dailyStatPage,
    responseDescription: 'A page of daily stats.',
    example: { items: [dailyStatExample], nextCursor: null },
    csv: dailyStat,
    problems: ['database_unavailable'],
  })
  list(@Query({ schema: dailyStatsQuery }) query: DailyStatsQuery): Promise<Page<DailyStat>> {
    return this.stats.list(query);
  }
}
