import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { BatchContext, BatchDirective, RecordBatch } from './record-batch.js';

/** Hands a batch to the `@EventPattern` handler and waits for what it wants next. */
export async function deliver(
  handler: MessageHandler,
  batch: RecordBatch,
  context: BatchContext,
): Promise<BatchDirective> {
  const result: unknown = await handler(batch, context);
  return (isObservable(result) ? await lastValueFrom(result) : result) as BatchDirective;
}
