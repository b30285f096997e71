import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import type { Page } from '../http/list.js';
import { MetricsQueries } from './metrics.queries.js';
import {
  keysQuery,
  metric,
  metricExample,
  metricKey,
  metricKeyPage,
  metricPage,
  metricsQuery,
  type KeysQuery,
  type Metric,
  type MetricKey,
  type MetricsQuery,
} from './metrics.schemas.js';

/** Window metrics, as they are at this moment. */
@ApiTags('Metrics')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsQueries) {}

  @Get()
  @Endpoint({
    summary: 'List window metrics',
    description:
      'One item per window and key. A window shows up with its first event and grows until it is `final`; late events amend it after that.',
    response: metricPage,
    responseDescription: 'A page of windows.',
    example: { items: [metricExample], nextCursor: null },
    csv: metric,
    problems: ['database_unavailable'],
  })
  list(@Query({ schema: metricsQuery }) query: MetricsQuery): Promise<Page<Metric>> {
    return this.metrics.list(query, new Date());
  }

  @Get('keys')
  @Endpoint({
    summary: 'List metric keys',
    description: 'Every type and key that has a window, with its newest one, sorted by type and key.',
    response: metricKeyPage,
    responseDescription: 'A page of keys.',
    example: {
      items: [{ metricType: 'region_agg', metricKey: 'Almaty', lastWindowStart: '2025-11-08T22:30:00Z' }],
      nextCursor: null,
    },
    csv: metricKey,
    problems: ['database_unavailable'],
  })
  keys(@Query({ schema: keysQuery }) query: KeysQuery): Promise<Page<MetricKey>> {
    return this.metrics.keys(query);
  }
}
