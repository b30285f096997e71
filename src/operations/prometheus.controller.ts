import { Controller, Get, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Endpoint } from '../http/endpoint.decorator.js';
import { PrometheusService } from './prometheus.service.js';

/** The scrape target of Prometheus. */
@ApiTags('Operations')
@Controller('prometheus')
export class PrometheusController {
  constructor(private readonly prometheus: PrometheusService) {}

  @Get()
  @Endpoint({
    summary: 'Give metrics to Prometheus',
    description:
      'Ledger, lag, watermark and flushes of the whole pipeline, the same from every replica, and the metrics of this process. Answers also while the database is down, with `telecom_up{component="database"} 0`.',
    response: 'Prometheus text exposition format, version 0.0.4.',
    responseDescription: 'The metrics now.',
    example: 'telecom_up{component="database"} 1\n',
  })
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.type(this.prometheus.contentType);
    return this.prometheus.scrape();
  }
}
