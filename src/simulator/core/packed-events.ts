import type { OutgoingEvent } from '../../transport/event-publisher.js';
import type { SentEvent } from './traffic.js';

/** An event of a run on its way into the log. */
export interface PartitionedEvent extends OutgoingEvent {
  readonly partition: number;
}

/**
 * Events in the form in which they go from thread to thread: a buffer is handed over as it is, objects would be copied one by
 * one. All arrays go by position.
 */
export interface PackedEvents {
  readonly keys: readonly string[];
  /** The values, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lengths of the values in bytes; {@link TOMBSTONE} where there is none. */
  readonly lengths: Int32Array<ArrayBuffer>;
  readonly partitions: Int32Array<ArrayBuffer>;
  /** Milliseconds since the start of the run. */
  readonly dueAt: Float64Array<ArrayBuffer>;
}

const TOMBSTONE = -1;

export function pack(events: readonly SentEvent[], partitions: readonly number[]): PackedEvents {
  const lengths = Int32Array.from(events, ({ value }) => value?.length ?? TOMBSTONE);
  const bytes = new Uint8Array(events.reduce((sum, { value }) => sum + (value?.length ?? 0), 0));
  let at = 0;
  for (const { value } of events) {
    if (value === null) continue;
    bytes.set(value, at);
    at += value.length;
  }
  return {
    keys: events.map(({ key }) => key),
    bytes,
    lengths,
    partitions: Int32Array.from(partitions),
    dueAt: Float64Array.from(events, ({ dueAt }) => dueAt),
  };
}

/** What can be handed over instead of copied. */
export const buffersOf = ({ bytes, lengths, partitions, dueAt }: PackedEvents): ArrayBuffer[] => [
  bytes.buffer,
  lengths.buffer,
  partitions.buffer,
  dueAt.buffer,
];

/** The values are views into the packed bytes. */
export function unpack({ keys, bytes, lengths, partitions }: PackedEvents): PartitionedEvent[] {
  let at = 0;
  return keys.map((key, position) => {
    const length = lengths[position] ?? TOMBSTONE;
    const value = length === TOMBSTONE ? null : Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
    at += value?.length ?? 0;
    return { key, value, partition: partitions[position] ?? 0 };
  });
}
