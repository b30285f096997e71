import type { AnomalyReason } from './reason.js';

/** An event that is set aside, with all that is needed to repair and replay it. */
export interface NewAnomaly {
  readonly reason: AnomalyReason;
  /** What exactly is wrong, for people. */
  readonly detail: string;
  /** The record's bytes, untouched; null for a tombstone. */
  readonly raw: Buffer | null;
  /** The event as jsonb can hold it; null when it was not JSON. */
  readonly eventData: string | null;
  readonly topic: string;
  readonly partition: number;
  /** Counts how often the partition's log was begun anew; offsets repeat between incarnations. */
  readonly incarnation: number;
  readonly offset: string;
  /** Epoch microseconds; null when the event has no valid timestamp. */
  readonly eventTime: number | null;
  /** The record's own timestamp, epoch milliseconds; null when it has none. */
  readonly recordTimestamp: number | null;
}
