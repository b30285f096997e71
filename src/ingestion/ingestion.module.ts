import { Module } from '@nestjs/common';
import { AggregationModule } from '../aggregation/aggregation.module.js';
import { AnomaliesModule } from '../anomalies/anomalies.module.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { Flush } from './flush.js';
import { Flusher } from './flusher.js';
import { IngestionController } from './ingestion.controller.js';
import { IngestionPipeline } from './ingestion.pipeline.js';
import { IngestionService } from './ingestion.service.js';
import { PartitionMonitor } from './partition-monitor.js';
import { PartitionOwnership } from './partition-ownership.js';
import { ProducerFuse } from './producer-fuse.js';

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
  ],
  exports: [CheckpointRepository],
})
export class IngestionModule {}
