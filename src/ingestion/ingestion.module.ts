import { Logger, Module } from '@nestjs/common';
import { AggregationModule } from '../aggregation/aggregation.module.js';
import { AnomaliesModule } from '../anomalies/anomalies.module.js';
import { CONFIG, type Config } from '../config/config.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { takeIn, type TakeIn } from './core/intake.js';
import { sabotagedTakeIn } from './core/sabotage.js';
import { Flush } from './flush.js';
import { Flusher } from './flusher.js';
import { IngestionController } from './ingestion.controller.js';
import { IngestionPipeline } from './ingestion.pipeline.js';
import { IngestionService } from './ingestion.service.js';
import { PartitionMonitor } from './partition-monitor.js';
import { PartitionOwnership, TAKE_IN } from './partition-ownership.js';
import { ProducerFuse } from './producer-fuse.js';
import { RecentIdsRepository } from './recent-ids.repository.js';

@Module({
  imports: [AggregationModule, AnomaliesModule],
  controllers: [IngestionController],
  providers: [
    CheckpointRepository,
    Flush,
    Flusher,
    IngestionPipeline,
    IngestionService,
    PartitionMonitor,
    PartitionOwnership,
    ProducerFuse,
    RecentIdsRepository,
    { provide: TAKE_IN, inject: [CONFIG], useFactory: takeInOf },
  ],
  exports: [CheckpointRepository, Flusher],
})
export class IngestionModule {}

function takeInOf({ TEST_SABOTAGE: sabotage }: Config): TakeIn {
  if (!sabotage) return takeIn;
  new Logger('Sabotage').warn(
    `TEST_SABOTAGE is on: of every ${sabotage.oneIn} accepted events the windows ${sabotage.fault === 'drop' ? 'lose one' : 'gain one twice'}`,
  );
  return sabotagedTakeIn(sabotage);
}
