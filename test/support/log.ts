import type { TestTopic } from './kafka.js';
import type { Service } from './service.js';
import { postLines } from './services.js';

/** Appends records to the log that a service reads: round robin over the topic's partitions, or through its API without one. */
export const appendToLog = (
  service: Service,
  topic: TestTopic | undefined,
  records: readonly Buffer[],
  partitions: number,
): Promise<void> =>
  topic ? topic.publish(records, (position) => position % partitions) : postLines(service, records);
