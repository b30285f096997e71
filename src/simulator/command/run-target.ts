import type { EventPublisher } from '../../transport/event-publisher.js';
import type { Ends } from '../core/log-end.js';

/** Where the events of a command go: Kafka, or a file. */
export interface RunTarget {
  readonly publisher: EventPublisher;
  /** Null for a file, which has no partitions of its own. */
  readonly topic: string | null;
  /**
   * Makes it ready, and tells what of it is noteworthy.
   * @returns where each partition ends now
   * @throws PublishError when it cannot be asked
   */
  prepare(note: (line: string) => void): Promise<Ends>;
  /** Where each partition ends now. @throws PublishError when it cannot be asked */
  ends(): Promise<Ends>;
  /** @param expected where each partition ends after the run @returns why that is not so, or null */
  doubt(expected: Ends): Promise<string | null>;
  close(): Promise<void>;
}
