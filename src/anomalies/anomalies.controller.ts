import { Controller, Get, Param, Query, UseInterceptors } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { ExactJsonInterceptor } from '../http/exact-json.interceptor.js';
import type { Page } from '../http/list.js';
import { ProblemError } from '../http/problem.js';
import { AnomaliesQueries, type AnomalyDetail, type AnomalyItem } from './anomalies.queries.js';
import {
  anomaliesQuery,
  anomaly,
  anomalyCount,
  anomalyDetail,
  anomalyExample,
  anomalyId,
  anomalyPage,
  anomalySummary,
  summaryQuery,
  type AnomaliesQuery,
  type AnomalyCount,
  type SummaryQuery,
} from './anomalies.schemas.js';

/** Events that were set aside. */
@ApiTags('Anomalies')
@Controller('anomalies')
@UseInterceptors(ExactJsonInterceptor)
export class AnomaliesController {
  constructor(private readonly anomalies: AnomaliesQueries) {}

  @Get()
  @Endpoint({
    summary: 'List anomalies',
    description:
      'Newest first. `eventData` is the event exactly as it was sent, so numbers may have more digits than a double holds. A page of very large events is shorter than its `limit`. So may be one of a search, even empty: a page looks through a bounded number of anomalies, and `nextCursor` goes on where it stopped; the search is over when that is null.',
    response: anomalyPage,
    responseDescription: 'A page of anomalies.',
    example: { items: [anomalyExample], nextCursor: null },
    csv: anomaly,
    problems: ['database_unavailable'],
  })
  list(@Query({ schema: anomaliesQuery }) query: AnomaliesQuery): Promise<Page<AnomalyItem>> {
    return this.anomalies.list(query);
  }

  @Get('summary')
  @Endpoint({
    summary: 'Count anomalies by reason and status',
    response: anomalySummary,
    responseDescription: 'All counts, the largest first.',
    example: { items: [{ reason: 'invalid_duration', status: 'new', count: 42 }], nextCursor: null },
    csv: anomalyCount,
    problems: ['database_unavailable'],
  })
  async summary(@Query({ schema: summaryQuery }) query: SummaryQuery): Promise<Page<AnomalyCount>> {
    return { items: await this.anomalies.summary(query), nextCursor: null };
  }

  @Get(':id')
  @Endpoint({
    summary: 'Show an anomaly',
    description: 'The item of the list, the record itself, and what happened to it.',
    response: anomalyDetail,
    responseDescription: 'The anomaly.',
    example: {
      ...anomalyExample,
      raw: JSON.stringify(anomalyExample.eventData),
      rawBase64: Buffer.from(JSON.stringify(anomalyExample.eventData)).toString('base64'),
      history: [
        {
          at: anomalyExample.createdAt,
          actor: 'pipeline',
          action: 'set_aside',
          outcome: anomalyExample.reason,
          detail: anomalyExample.detail,
        },
      ],
    },
    problems: ['not_found', 'database_unavailable'],
  })
  async one(@Param('id', { schema: anomalyId }) id: string): Promise<AnomalyDetail> {
    const found = await this.anomalies.one(id);
    if (!found) throw new ProblemError('not_found', `There is no anomaly ${id}.`);
    return found;
  }
}
