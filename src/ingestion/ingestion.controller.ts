import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import {
  RECORD_BATCH,
  type BatchContext,
  type BatchDirective,
  type RecordBatch,
} from '../transport/record-batch.js';
import { IngestionPipeline } from './ingestion.pipeline.js';

/** Where both transports hand over: one batch of one partition at a time, so that Nest costs once a batch. */
@Controller()
export class IngestionController {
  constructor(private readonly pipeline: IngestionPipeline) {}

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-arguments -- picks the overload without a catalogue
  @EventPattern<string>(RECORD_BATCH)
  take(@Payload() batch: RecordBatch, @Ctx() context: BatchContext): Promise<BatchDirective> {
    return this.pipeline.take(batch, context);
  }
}
