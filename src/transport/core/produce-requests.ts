import type { OutgoingEvent } from '../event-publisher.js';
import { partitionOf } from './partitioner.js';

/** Bytes of one request, over all its partitions: smaller ones and larger ones measured slower. */
export const MAX_REQUEST_BYTES = 384 * 1024;

/** An event of more bytes is compressed: by default brokers take batches of 1 MiB, as they come to them. */
export const MAX_PLAIN_BYTES = 960 * 1024;

/** Most bytes that a record's lengths, offset and timestamp take beside its key and value. */
const RECORD_OVERHEAD = 20;

export interface ProduceRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface ProduceRequest {
  readonly records: readonly ProduceRecord[];
  /** It is one event that can be small enough for the brokers only when it is compressed. */
  readonly compress: boolean;
}

/**
 * Requests of bounded size, in the order of the events; a larger event gets one of its own. Events without key and
 * partition go round the partitions.
 */
export function* produceRequests(
  events: readonly OutgoingEvent[],
  topic: string,
  partitions: number,
): Generator<ProduceRequest> {
  let records: ProduceRecord[] = [];
  let bytes = 0;
  let round = Math.floor(Math.random() * partitions);
  for (const event of events) {
    const key = event.key === null ? null : Buffer.from(event.key);
    const partition = event.partition ?? (key === null ? round++ % partitions : partitionOf(key, partitions));
    const size = RECORD_OVERHEAD + (event.value?.length ?? 0) + (key?.length ?? 0);
    if (records.length > 0 && bytes + size > MAX_REQUEST_BYTES) {
      yield { records, compress: bytes > MAX_PLAIN_BYTES };
      [records, bytes] = [[], 0];
    }
    records.push({ topic, partition, key, value: event.value });
    bytes += size;
  }
  if (records.length > 0) yield { records, compress: bytes > MAX_PLAIN_BYTES };
}
