/** One record of the log; kafkajs messages have this shape too. */
export interface LogRecord {
  readonly offset: string;
  /** Epoch milliseconds in decimal digits: Kafka's record timestamp, or the time of appending. */
  readonly timestamp: string;
  /** The event's bytes; null for a tombstone. */
  readonly value: Buffer | null;
}

/** A run of one partition's log, as a transport reads it. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** The offset that was asked for; records may begin later (compaction, control records). */
  readonly fetchedOffset: bigint;
  /** The offset to read next when all of this batch is done. */
  readonly nextOffset: bigint;
  readonly records: readonly LogRecord[];
}

/** Pattern under which both transports deliver {@link RecordBatch}es to the ingestion controller. */
export const RECORD_BATCH = 'telecom.record-batch';

/** What the handler wants the transport to do next. */
export type BatchDirective =
  /** All records are taken in. */
  | { readonly kind: 'continue' }
  /** The batch is not what was expected: read from this offset instead. */
  | { readonly kind: 'seek'; readonly offset: bigint }
  /** Not taken in, and not to be delivered again before {@link EventSource.resume}. */
  | { readonly kind: 'pause' }
  /** Ownership was lost while the batch was being worked on. */
  | { readonly kind: 'abandon' };

/** Second argument of the handler. */
export interface BatchContext {
  /**
   * Keeps the group membership alive while the handler waits.
   * @returns false when the membership is lost: give up the batch with `abandon`
   */
  heartbeat(): Promise<boolean>;
}
