import { Module } from '@nestjs/common';
import { AggregationModule } from '../aggregation/aggregation.module.js';
import { AnomaliesModule } from '../anomalies/anomalies.module.js';
import { AnomalyActionsController } from './anomaly-actions.controller.js';
import { AnomalyActions } from './anomaly-actions.service.js';
import { AnomalyStatesRepository } from './anomaly-states.repository.js';
import { CountedAnomalies } from './log/counted-anomalies.js';
import { LogJobsRepository } from './log/log-jobs.repository.js';
import { LogRebuilds } from './log/log-rebuilds.js';
import { LogReplayRunner } from './log/log-replay-runner.js';
import { LogSurvey } from './log/log-survey.js';
import { LogSwap } from './log/log-swap.js';
import { RebuildInputsRepository } from './log/rebuild-inputs.repository.js';
import { RebuildRepository } from './log/rebuild.repository.js';
import { ReplayChunk } from './replay-chunk.js';
import { ReplayJobsRepository } from './replay-jobs.repository.js';
import { ReplayRunner } from './replay-runner.js';
import { ReplayWorker } from './replay-worker.js';
import { ReplaysController } from './replays.controller.js';
import { ReplaysQueries } from './replays.queries.js';

/** Counting after all what was set aside. */
@Module({
  imports: [AggregationModule, AnomaliesModule],
  controllers: [AnomalyActionsController, ReplaysController],
  providers: [
    AnomalyActions,
    AnomalyStatesRepository,
    CountedAnomalies,
    LogJobsRepository,
    LogRebuilds,
    LogReplayRunner,
    LogSurvey,
    LogSwap,
    RebuildInputsRepository,
    RebuildRepository,
    ReplayChunk,
    ReplayJobsRepository,
    ReplayRunner,
    ReplayWorker,
    ReplaysQueries,
  ],
})
export class ReplaysModule {}
