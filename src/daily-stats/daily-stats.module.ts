import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { BatchController } from './batch/batch.controller.js';
import { BatchModule } from './batch/batch.module.js';
import { BatchScheduler } from './batch/batch.scheduler.js';
import { DailyStatsController } from './daily-stats.controller.js';
import { DailyStatsQueries } from './daily-stats.queries.js';
import { RetentionRepository } from './retention.repository.js';
import { RetentionService } from './retention.service.js';

/** Daily stats: how they are read, the batch that builds them by schedule and on demand, and what is kept for how long. */
@Module({
  imports: [ScheduleModule.forRoot(), BatchModule],
  controllers: [DailyStatsController, BatchController],
  providers: [DailyStatsQueries, BatchScheduler, RetentionRepository, RetentionService],
  exports: [BatchModule],
})
export class DailyStatsModule {}
