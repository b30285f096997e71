import type { EachBatchPayload } from 'kafkajs';
import type { BatchContext, RecordBatch } from '../record-batch.js';

/** kafkajs's batch as ours; its messages have the shape of our records already. */
export function toRecordBatch({ batch }: EachBatchPayload): RecordBatch {
  return {
    topic: batch.topic,
    partition: batch.partition,
    // Present in every 2.x, though its types leave it out; it tells when kafkajs has reset the offset by itself.
    fetchedOffset: BigInt((batch as unknown as { fetchedOffset: string }).fetchedOffset),
    nextOffset: BigInt(batch.lastOffset()) + 1n,
    records: batch.messages,
  };
}

/** Heartbeats of one batch. Their failure (a rebalance) is kept, for the transport to hand on to kafkajs. */
export class KafkaBatchContext implements BatchContext {
  /** Why the membership is lost. */
  lost: Error | undefined;

  constructor(private readonly payload: EachBatchPayload) {}

  async heartbeat(): Promise<boolean> {
    try {
      if (this.payload.isRunning()) await this.payload.heartbeat();
    } catch (error) {
      this.lost = error as Error;
    }
    return this.lost === undefined && this.payload.isRunning();
  }
}
