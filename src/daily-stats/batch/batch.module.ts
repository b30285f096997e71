import { Module } from '@nestjs/common';
import { AggregationModule } from '../../aggregation/aggregation.module.js';
import { CLOCK, type Clock } from '../clock.js';
import { DailySchedule } from '../daily-schedule.js';
import { DailyStatsRepository } from '../daily-stats.repository.js';
import { PassedDays } from '../passed-days.js';
import { BatchMonitor } from './batch-monitor.js';
import { BatchPlanner } from './batch-planner.js';
import { BatchQueries } from './batch.queries.js';
import { BatchRound } from './batch-round.js';
import { BatchRunsRepository } from './batch-runs.repository.js';
import { BatchService } from './batch.service.js';
import { BatchStateQueries } from './batch-state.queries.js';
import { BatchWorker } from './batch-worker.js';
import { DayBuilder } from './day-builder.js';

const now: Clock = () => Date.now();

const parts = [
  DailySchedule,
  DailyStatsRepository,
  PassedDays,
  BatchMonitor,
  BatchPlanner,
  BatchQueries,
  BatchRound,
  BatchRunsRepository,
  BatchService,
  BatchStateQueries,
  BatchWorker,
  DayBuilder,
];

/** The batch, without anything that makes it run by itself: for the service and for the command line. */
@Module({
  imports: [AggregationModule],
  providers: [{ provide: CLOCK, useValue: now }, ...parts],
  exports: parts,
})
export class BatchModule {}
