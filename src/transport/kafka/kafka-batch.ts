import type { EachBatchPayload, InstrumentationEvent } from 'kafkajs';
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

/** What kafkajs tells of a batch before it is worked on. */
export type BatchStart = InstrumentationEvent<{
  topic: string;
  partition: number;
  batchSize: number;
  firstOffset: string | null;
  lastOffset: string;
}>;

/**
 * A batch of which every record was filtered out (control records, aborted ones): it never reaches eachBatch, but its offsets
 * count all the same.
 * @returns null for all other batches
 */
export function filteredBatch({ payload }: BatchStart): RecordBatch | null {
  if (payload.batchSize > 0 || payload.firstOffset === null) return null;
  return {
    topic: payload.topic,
    partition: payload.partition,
    fetchedOffset: BigInt(payload.firstOffset),
    nextOffset: BigInt(payload.lastOffset) + 1n,
    records: [],
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
