/**
 * One record of the log. Hold on to nothing of it for long: a reader may hand out one object for all records, and its bytes are
 * part of a larger buffer, in which they stay as they are.
 */
export interface LogRecord {
  /** A number, unlike positions elsewhere, since each record has one: exact below 2^53, which no log comes near. */
  readonly offset: number;
  /** Epoch milliseconds: Kafka's record timestamp, or the time of appending; negative when the producer gave none. */
  readonly timestamp: number;
  /** Holds the event from `start` to `end` (exclusive); null for a tombstone. */
  readonly bytes: Buffer | null;
  readonly start: number;
  readonly end: number;
}

/** Records one after the other, to be read once. */
export interface LogRecords {
  /** @returns the next record, valid until the next call; null when there is none left, and from then on */
  next(): LogRecord | null;
}

/** A record whose event is all of its bytes. */
export const logRecord = (offset: number, timestamp: number, value: Buffer | null): LogRecord => ({
  offset,
  timestamp,
  bytes: value,
  start: 0,
  end: value?.length ?? 0,
});

/** The event's bytes, as a view; null for a tombstone. */
export const valueOf = ({ bytes, start, end }: LogRecord): Buffer | null =>
  bytes?.subarray(start, end) ?? null;

export function listed(records: readonly LogRecord[]): LogRecords {
  let at = 0;
  return { next: () => records[at++] ?? null };
}

/** A run of one partition's log, as a transport reads it. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** The offset that was asked for; records may begin later (compaction, control records). */
  readonly fetchedOffset: bigint;
  /** The offset to read next when all of this batch is done. */
  readonly nextOffset: bigint;
  readonly records: LogRecords;
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
  /** False once the batch is not wanted any more: give it up with `abandon`. */
  isCurrent(): boolean;
  /**
   * Waits until it is certain whether the log still gives us the partition.
   * @returns false when it does not
   */
  signOfLife(): Promise<boolean>;
}
