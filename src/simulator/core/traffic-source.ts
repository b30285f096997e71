import type { Answer, AnswerKey, KeyedEvent } from './answer-key.js';
import { pack, type PackedEvents } from './packed-events.js';
import type { SentEvent, Traffic } from './traffic.js';

/** Bounds of what is generated at a time; at 200,000 events a second it lasts 10 ms. */
const BATCH_EVENTS = 2000;
const BATCH_BYTES = 1024 * 1024;

/** Events of a dead run that may not have reached the log: those on their way at most. */
const MAX_LOST = 20_000;

/** The answer of a run that has died. */
export interface Recovered {
  readonly answer: Answer;
  /** The last event of each partition, by which the log can be told from one that others have written to; null where it has none. */
  readonly last: ({ readonly value: Uint8Array | null } | null)[];
}

/** An event without its bytes, which are on their way by now. */
interface PlacedEvent extends KeyedEvent {
  readonly partition: number;
}

/** Generates a run's events ahead of their being sent, and keeps the answer of those that were. */
export class TrafficSource {
  /** Generated, and not yet known to be sent. */
  private readonly ahead: PlacedEvent[] = [];

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
      const sent = this.traffic.next();
      const placed = this.place(sent);
      events.push(sent);
      partitions.push(placed.partition);
      bytes += sent.value?.length ?? 0;
      this.ahead.push(placed);
    }
    return pack(events, partitions);
  }

  /** So many more are in the log, in the order in which they were generated. */
  sent(count: number): void {
    for (const placed of this.ahead.splice(0, count)) this.key.add(placed, placed.partition);
  }

  answer(): Answer {
    return this.key.answer();
  }

  /**
   * The answer of a run that has died without one, from how many of its events each partition of the log has: the first
   * ones, since those of a partition are sent in order.
   * @returns null when there would have to be more than the run can have sent
   */
  recover(counts: readonly number[]): Recovered | null {
    const left = [...counts];
    const last: Recovered['last'] = counts.map(() => null);
    let lost = 0;
    for (let missing = counts.reduce((sum, count) => sum + count, 0); missing > 0;) {
      const sent = this.traffic.next();
      const placed = this.place(sent);
      const { partition } = placed;
      if ((left[partition] ?? 0) > 0) {
        left[partition] = (left[partition] ?? 0) - 1;
        missing--;
        this.key.add(placed, partition);
        last[partition] = { value: sent.value };
      } else if (++lost > MAX_LOST) return null;
    }
    return { answer: this.answer(), last };
  }

  private place({ event, fault, dueAt, key }: SentEvent): PlacedEvent {
    return { event, fault, dueAt, partition: this.partitionOf(key) };
  }
}
