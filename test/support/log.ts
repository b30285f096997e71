import type { TestTopic } from './kafka.js';
import type { Service } from './service.js';

/** Appends records to the log that a service reads: round robin over the topic's partitions, or through its API where there is none. */
export async function appendToLog(
  service: Service,
  topic: TestTopic | undefined,
  records: readonly Buffer[],
  partitions = 4,
): Promise<void> {
  if (topic) return topic.publish(records, (position) => position % partitions);
  for (let at = 0; at < records.length; at += 1000) {
    const body = `${records
      .slice(at, at + 1000)
      .map(String)
      .join('\n')}\n`;
    const answer = await fetch(`${service.url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body,
    });
    if (!answer.ok) throw new Error(`POST /events answered ${answer.status}: ${await answer.text()}`);
  }
}
