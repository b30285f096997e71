/** A record batch as Kafka stores it: https://kafka.apache.org/documentation/#recordbatch */
export interface StoredBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Epoch milliseconds. */
  readonly firstTimestamp: number;
  /** When the broker appended it, where the topic wants that in place of the producer's time; otherwise null. */
  readonly appendTimestamp: number | null;
  readonly codec: CompressionCodec;
  readonly isTransactional: boolean;
  /** Holds the end of a transaction instead of events. */
  readonly isControl: boolean;
  readonly producerId: bigint;
  readonly records: number;
  /** The records, compressed by the codec. */
  readonly body: Buffer;
}

export const compressionCodecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CompressionCodec = (typeof compressionCodecs)[number];

/** The log holds what this service does not read, or bytes that make no sense. */
export class UnreadableBatchError extends Error {
  constructor(offset: number, problem: string, options?: ErrorOptions) {
    super(`the record batch at offset ${offset} cannot be read: ${problem}`, options);
    this.name = 'UnreadableBatchError';
  }
}

/** Positions in a batch's header, and its length. */
const [LENGTH, MAGIC, ATTRIBUTES, LAST_OFFSET_DELTA, FIRST_TIMESTAMP, MAX_TIMESTAMP, PRODUCER_ID, RECORDS] = [
  8, 16, 21, 23, 27, 35, 43, 57,
];
const HEADER = 61;
/** What comes before the bytes that the length counts. */
const PREFIX = 12;

/** The format since Kafka 0.11, and the only one that a topic of Kafka 4 holds. */
const FORMAT = 2;

const [CODEC_BITS, APPEND_TIME_BIT, TRANSACTIONAL_BIT, CONTROL_BIT] = [0b111, 0b1000, 0b1_0000, 0b10_0000];

/**
 * The batches in a partition's part of a fetch response, in order. The last one is left out when the response ends in its
 * middle, as it may.
 * @throws UnreadableBatchError for another format, an unknown compression, or numbers that no batch has
 */
export function storedBatches(bytes: Buffer): StoredBatch[] {
  const batches: StoredBatch[] = [];
  for (let at = 0; at + MAGIC < bytes.length;) {
    const end = at + PREFIX + bytes.readInt32BE(at + LENGTH);
    const format = bytes.readInt8(at + MAGIC);
    // Before the length: the formats of old have their number in the same place, and may be shorter.
    if (format !== FORMAT) throw unreadable(bytes, at, `it has format ${format}, not ${FORMAT}`);
    if (end < at + HEADER) throw unreadable(bytes, at, `it ends after ${end - at} bytes`);
    if (end > bytes.length) break;
    batches.push(storedBatch(bytes.subarray(at, end)));
    at = end;
  }
  return batches;
}

function storedBatch(bytes: Buffer): StoredBatch {
  const attributes = bytes.readInt16BE(ATTRIBUTES);
  const codec = compressionCodecs[attributes & CODEC_BITS];
  if (!codec) throw unreadable(bytes, 0, `compression ${attributes & CODEC_BITS} is unknown`);
  const firstOffset = Number(bytes.readBigInt64BE(0));
  const lastOffsetDelta = bytes.readInt32BE(LAST_OFFSET_DELTA);
  const records = bytes.readInt32BE(RECORDS);
  // It would be fetched over and over, or its records never end.
  if (lastOffsetDelta < 0 || records < 0)
    throw unreadable(bytes, 0, `it holds ${records} records, up to its offset ${lastOffsetDelta}`);
  return {
    firstOffset,
    lastOffset: firstOffset + lastOffsetDelta,
    firstTimestamp: Number(bytes.readBigInt64BE(FIRST_TIMESTAMP)),
    appendTimestamp:
      (attributes & APPEND_TIME_BIT) !== 0 ? Number(bytes.readBigInt64BE(MAX_TIMESTAMP)) : null,
    codec,
    isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0,
    isControl: (attributes & CONTROL_BIT) !== 0,
    producerId: bytes.readBigInt64BE(PRODUCER_ID),
    records,
    body: bytes.subarray(HEADER),
  };
}

const unreadable = (bytes: Buffer, at: number, problem: string): UnreadableBatchError =>
  new UnreadableBatchError(Number(bytes.readBigInt64BE(at)), problem);

/** A transaction that came to nothing, as a fetch response names it. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/** The batches that hold events: without control batches, and without those of aborted transactions. */
export function eventBatches(
  batches: readonly StoredBatch[],
  aborted: readonly AbortedTransaction[],
): StoredBatch[] {
  const ahead = [...aborted].sort((one, other) => one.firstOffset - other.firstOffset);
  const aborting = new Set<bigint>();
  return batches.filter(({ lastOffset, producerId, isTransactional, isControl }) => {
    while (ahead[0] && ahead[0].firstOffset <= lastOffset) aborting.add(ahead.shift()?.producerId ?? -1n);
    // A producer has one transaction at a time: the first control batch after the beginning of an aborted one ends it.
    if (isControl) aborting.delete(producerId);
    return !isControl && !(isTransactional && aborting.has(producerId));
  });
}
