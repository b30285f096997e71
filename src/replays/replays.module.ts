import { Module } from '@nestjs/common';
import { AggregationModule } from '../aggregation/aggregation.module.js';
import { AnomalyActionsController } from './anomaly-actions.controller.js';
import { AnomalyActions } from './anomaly-actions.service.js';
import { AnomalyStatesRepository } from './anomaly-states.repository.js';
import { ReplayChunk } from './replay-chunk.js';
import { ReplayJobsRepository } from './replay-jobs.repository.js';
import { ReplayRunner } from './replay-runner.js';
import { ReplayWorker } from './replay-worker.js';
import { ReplaysController } from './replays.controller.js';
import { ReplaysQueries } from './replays.queries.js';

/** Counting after all what was set aside. */
@Module({
  imports: [AggregationModule],
  controllers: [AnomalyActionsController, ReplaysController],
  providers: [
    AnomalyActions,
    AnomalyStatesRepository,
    ReplayChunk,
    ReplayJobsRepository,
    ReplayRunner,
    ReplayWorker,
    ReplaysQueries,
  ],
})
export class ReplaysModule {}
