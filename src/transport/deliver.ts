import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { RECORD_BATCH, type BatchContext, type BatchDirective, type RecordBatch } from './record-batch.js';

/** Hands a batch to the `@EventPattern` handler and waits for what it wants next. */
export async function deliver(
  handler: MessageHandler | null,
  batch: RecordBatch,
  context: BatchContext,
): Promise<BatchDirective> {
  if (!handler) throw new Error(`no handler for ${RECORD_BATCH}`);
  const result: unknown = await handler(batch, context);
  return (isObservable(result) ? await lastValueFrom(result) : result) as BatchDirective;
}
