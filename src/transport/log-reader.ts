import type { EntityManager } from 'typeorm';
import type { LogPosition } from './log-position.js';
import type { RecordBatch } from './record-batch.js';

/** Offsets by partition. */
export type Offsets = ReadonlyMap<number, bigint>;

/**
 * Reads the log again, beside ingestion: without its group, its offsets and its partitions. Kafka and the `event_log` table
 * implement it; the class itself is the Nest injection token.
 */
export abstract class LogReader {
  /**
   * For each partition the first offset whose record was written at this instant or later; the end of the log where there
   * is none. All records before it were written earlier.
   * @param instant epoch milliseconds
   * @throws when the log cannot be asked
   */
  abstract offsetsAt(instant: number): Promise<Offsets>;

  /** Why records may be missing in the middle of the log; null when none can be. @throws when the log cannot be asked */
  abstract gaps(): Promise<string | null>;

  /**
   * @param starts where each partition is read from, and of which log: of another one nothing is read
   * @param connection what a log in the database is read through: whoever holds locks must not wait for another connection
   */
  abstract open(starts: ReadonlyMap<number, LogPosition>, connection: EntityManager): Promise<LogReading>;
}

/** One reading of the log, onwards from where it was opened. */
export interface LogReading {
  /**
   * Reads on until each partition has come to its end (exclusive); partitions that are beyond it already stay where they are.
   * @param take gets batches of one partition, in order, one at a time
   * @throws LogTruncatedError, LogUnavailableError, or what `take` or the signal throws; the reading is void then
   */
  readTo(ends: Offsets, take: (batch: RecordBatch) => Promise<void>, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Records that were to be read are not in the log any more. */
export class LogTruncatedError extends Error {
  constructor(partition: number, offset: bigint) {
    super(`the log of partition ${partition} no longer has offset ${offset}`);
    this.name = 'LogTruncatedError';
  }
}

/** The log cannot be read now; trying again may help. */
export class LogUnavailableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogUnavailableError';
  }
}
