import type { Answer, AnswerKey } from './answer-key.js';
import { pack, type PackedEvents } from './packed-events.js';
import type { SentEvent, Traffic } from './traffic.js';

/** Bounds of what is generated at a time; at 200,000 events a second it lasts 10 ms. */
const BATCH_EVENTS = 2000;
const BATCH_BYTES = 1024 * 1024;

/** Generates a run's events ahead of their being sent, and keeps the answer of those that were. */
export class TrafficSource {
  /** Generated, and not yet known to be sent. */
  private ahead: { readonly event: SentEvent; readonly partition: number }[] = [];

  /** @param partitionOf picks the partition of a key */
  constructor(
    private readonly traffic: Traffic,
    private readonly key: AnswerKey,
    private readonly partitionOf: (key: string) => number,
  ) {}

  next(): PackedEvents {
    const events: SentEvent[] = [];
    const partitions: number[] = [];
    for (let bytes = 0; events.length < BATCH_EVENTS && bytes < BATCH_BYTES;) {
      const event = this.traffic.next();
      const partition = this.partitionOf(event.key);
      events.push(event);
      partitions.push(partition);
      bytes += event.value?.length ?? 0;
      this.ahead.push({ event, partition });
    }
    return pack(events, partitions);
  }

  /** So many more are in the log, in the order in which they were generated. */
  sent(count: number): void {
    for (const { event, partition } of this.ahead.splice(0, count)) this.key.add(event, partition);
  }

  answer(): Answer {
    return this.key.answer();
  }
}
