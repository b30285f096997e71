import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { EventSource } from '../transport/event-source.js';
import { Flusher } from './flusher.js';
import { IngestionPipeline } from './ingestion.pipeline.js';
import { PartitionMonitor } from './partition-monitor.js';
import { PartitionOwnership } from './partition-ownership.js';

/** Starts and stops ingestion with the process. */
@Injectable()
export class IngestionService implements OnModuleInit, BeforeApplicationShutdown {
  constructor(
    private readonly source: EventSource,
    private readonly ownership: PartitionOwnership,
    private readonly pipeline: IngestionPipeline,
    private readonly flusher: Flusher,
    private readonly monitor: PartitionMonitor,
  ) {}

  onModuleInit(): void {
    this.source.listener(this.ownership);
    this.flusher.start();
    this.monitor.start();
  }

  /** Runs while transport and database are still there: stop taking, flush, checkpoint. */
  async beforeApplicationShutdown(): Promise<void> {
    this.pipeline.stop();
    await this.monitor.stop();
    await this.flusher.stop();
  }
}
