import { Module } from '@nestjs/common';
import { TransportModule } from '../transport/transport.module.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { PipelineController } from './pipeline.controller.js';
import { PipelineQueries } from './pipeline.queries.js';
import { PrometheusController } from './prometheus.controller.js';
import { PrometheusService } from './prometheus.service.js';

/** Looking after the running service: state of the pipeline, health, metrics. */
@Module({
  imports: [TransportModule],
  controllers: [PipelineController, HealthController, PrometheusController],
  providers: [PipelineQueries, HealthService, PrometheusService],
})
export class OperationsModule {}
