/** Of one partition: first offset that is still there, and the offset the next record will get (Kafka's high watermark). */
export interface LogBounds {
  /** Which log has these: one that was deleted and created anew under the same name has another id. */
  readonly logId: string;
  readonly low: bigint;
  readonly high: bigint;
}

/** Told by the source, synchronously, when ownership of partitions changes. */
export interface AssignmentListener {
  /** These partitions, and only these, are read by this process from now on. */
  assigned(partitions: readonly number[]): void;
}

export interface SourceHealth {
  readonly connected: boolean;
  /** Why not, for people to read. */
  readonly detail?: string;
}

/**
 * The log that events are read from; Kafka and the `event_log` table implement it.
 * The class itself is the Nest injection token.
 */
export abstract class EventSource {
  abstract readonly transport: 'kafka' | 'embedded';
  abstract readonly topic: string;

  /** Registers the one listener; call it before the source starts. */
  abstract listener(listener: AssignmentListener): void;
  /** Reads the partition from this offset on, of this log only: of another one by the same name nothing is read. */
  abstract seek(partition: number, offset: bigint, logId: string): void;
  abstract pause(partition: number): void;
  abstract resume(partition: number): void;
  /** Bounds of all partitions of the topic. @throws when the log cannot be asked */
  abstract bounds(): Promise<ReadonlyMap<number, LogBounds>>;
  /** Tells the log how far the checkpoints are, for its own lag tools. Best effort: never rejects. */
  abstract commit(offsets: ReadonlyMap<number, bigint>): Promise<void>;
  abstract health(): SourceHealth;
}
