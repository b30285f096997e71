import { Module } from '@nestjs/common';
import { DailyStatsModule } from '../daily-stats/daily-stats.module.js';
import { IngestionModule } from '../ingestion/ingestion.module.js';
import { AcknowledgementController } from './acknowledgement.controller.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { PipelineController } from './pipeline.controller.js';
import { PipelineQueries } from './pipeline.queries.js';
import { PrometheusController } from './prometheus.controller.js';
import { PrometheusService } from './prometheus.service.js';

/** Looking after the running service: state of the pipeline, health, metrics. */
@Module({
  imports: [IngestionModule, DailyStatsModule],
  controllers: [PipelineController, AcknowledgementController, HealthController, PrometheusController],
  providers: [PipelineQueries, HealthService, PrometheusService],
})
export class OperationsModule {}
