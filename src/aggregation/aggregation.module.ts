import { Module } from '@nestjs/common';
import { MetricsController } from './metrics.controller.js';
import { MetricsQueries } from './metrics.queries.js';
import { MetricsRepository } from './metrics.repository.js';
import { StatDaysRepository } from './stat-days.repository.js';
import { WatermarkService } from './watermark.service.js';

/** Window metrics: how they are stored, how they are read, and the watermark that makes them final. */
@Module({
  controllers: [MetricsController],
  providers: [MetricsQueries, MetricsRepository, StatDaysRepository, WatermarkService],
  exports: [MetricsRepository, StatDaysRepository, WatermarkService],
})
export class AggregationModule {}
