import { RecordCursor } from '../core/record-cursor.js';
import {
  eventBatches,
  storedBatches,
  UnreadableBatchError,
  type StoredBatch,
} from '../core/stored-batches.js';
import type { RecordBatch } from '../record-batch.js';
import { decompress } from './codecs.js';
import type { FetchedPartition } from './fetch-api.js';

/** Bytes of records, not compressed, that are handed over together; compressed ones may be many times what was fetched. */
const GROUP_BYTES = 1024 * 1024;

/** A run of a partition's log that was fetched, and where it goes on. */
export interface FetchedRun {
  readonly partition: number;
  readonly from: bigint;
  readonly next: bigint;
  /** Those that hold events. */
  readonly batches: readonly StoredBatch[];
}

/** @throws UnreadableBatchError */
export function fetchedRun({ partition, bytes, aborted }: FetchedPartition, from: bigint): FetchedRun {
  const batches = storedBatches(bytes);
  const last = batches.at(-1);
  return {
    partition,
    from,
    next: last ? BigInt(last.lastOffset) + 1n : from,
    batches: eventBatches(batches, aborted),
  };
}

/**
 * The run in batches for the handler, decompressed one group at a time.
 * @param until records from this offset on are left out
 * @throws UnreadableBatchError
 */
export async function* recordBatches(
  run: FetchedRun,
  topic: string,
  until: bigint | null,
): AsyncGenerator<RecordBatch> {
  const { partition, batches } = run;
  const end = until !== null && until < run.next ? until : run.next;
  let fetchedOffset = run.from;
  let group: StoredBatch[] = [];
  let bytes = 0;
  for (const [index, batch] of batches.entries()) {
    const body = await bodyOf(batch);
    group.push({ ...batch, body });
    bytes += body.length;
    const isLast = index === batches.length - 1;
    if (bytes < GROUP_BYTES && !isLast) continue;
    const nextOffset = isLast ? end : smaller(BigInt(batch.lastOffset) + 1n, end);
    if (nextOffset > fetchedOffset) {
      const records = new RecordCursor(group, Number(run.from), Number(end));
      yield { topic, partition, fetchedOffset, nextOffset, records };
    }
    fetchedOffset = nextOffset;
    group = [];
    bytes = 0;
  }
  // No events at the end: control records, or transactions that came to nothing.
  if (fetchedOffset < end) {
    const records = new RecordCursor([], 0, 0);
    yield { topic, partition, fetchedOffset, nextOffset: end, records };
  }
}

async function bodyOf({ codec, body, firstOffset }: StoredBatch): Promise<Buffer> {
  try {
    return await decompress[codec](body);
  } catch (error) {
    throw new UnreadableBatchError(firstOffset, `${codec}: ${(error as Error).message}`, { cause: error });
  }
}

const smaller = (one: bigint, other: bigint): bigint => (one < other ? one : other);
