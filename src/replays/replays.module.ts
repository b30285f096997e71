import { Module } from '@nestjs/common';
import { AggregationModule } from '../aggregation/aggregation.module.js';
import { AnomalyActionsController } from './anomaly-actions.controller.js';
import { AnomalyActions } from './anomaly-actions.service.js';
import { AnomalyStatesRepository } from './anomaly-states.repository.js';
import { ReplayChunk } from './replay-chunk.js';

/** Counting after all what was set aside. */
@Module({
  imports: [AggregationModule],
  controllers: [AnomalyActionsController],
  providers: [AnomalyActions, AnomalyStatesRepository, ReplayChunk],
})
export class ReplaysModule {}
