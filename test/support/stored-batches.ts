import { createRecordsBatch, type MessageRecord } from '@platformatic/kafka';
import fc from 'fast-check';
import type { LogRecords } from '../../src/transport/record-batch.js';

/** A record as a producer made it, at the offset that the broker gave it. */
export interface StoredRecord {
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly timestamp: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: ReadonlyMap<Buffer, Buffer>;
}

export interface BatchHeader {
  readonly firstOffset: number;
  readonly lastOffsetDelta: number;
  readonly firstTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly producerId: bigint;
  readonly attributes: number;
  readonly records: number;
}

export const [APPEND_TIME, TRANSACTIONAL, CONTROL] = [8, 16, 32];
export const HEADER_BYTES = 61;

export const storedRecord = (
  offset: number,
  value: string | Buffer | null = `v${offset}`,
  timestamp = 1_700_000_000_000 + offset,
): StoredRecord => ({
  offset,
  timestamp: BigInt(timestamp),
  key: null,
  value: typeof value === 'string' ? Buffer.from(value) : value,
  headers: new Map(),
});

/** A run of them. */
export const storedRecords = (from: number, to: number): StoredRecord[] =>
  Array.from({ length: to - from }, (_, i) => storedRecord(from + i));

const message = ({ timestamp, key, value, headers }: StoredRecord): MessageRecord => ({
  topic: 'any',
  timestamp,
  key: key ?? undefined,
  value: value!,
  headers: new Map(headers),
});

/**
 * A batch by @platformatic/kafka, with the offset and the attributes that a broker gives it.
 * @param records without gaps between their offsets; it writes timestamps wrong that are more than 2^31 ms apart
 */
export function batchByLibrary(
  records: readonly StoredRecord[],
  {
    compression = 'none',
    producerId = -1n,
    attributes = 0,
    maxTimestamp,
  }: Partial<BatchHeader> & { compression?: 'none' | 'gzip' | 'snappy' | 'lz4' } = {},
): Buffer {
  const bytes = createRecordsBatch(records.map(message), { compression, producerId }).buffer;
  bytes.writeBigInt64BE(BigInt(records[0]!.offset), 0);
  bytes.writeInt16BE(bytes.readInt16BE(21) | attributes, 21);
  if (maxTimestamp !== undefined) bytes.writeBigInt64BE(maxTimestamp, 35);
  return bytes;
}

/** The records alone, as they lie in a batch; their offsets may have gaps, as compaction leaves them. */
export function recordBytes(
  records: readonly StoredRecord[],
  firstOffset: number,
  firstTimestamp: bigint,
): Buffer {
  return Buffer.concat(
    records.map(({ offset, timestamp, key, value, headers }) => {
      const content = Buffer.concat([
        Buffer.from([0]), // attributes
        varint(timestamp - firstTimestamp),
        varint(offset - firstOffset),
        withLength(key),
        withLength(value),
        varint(headers.size),
        ...[...headers].flat().map(withLength),
      ]);
      return withLength(content);
    }),
  );
}

function withLength(bytes: Buffer | null): Buffer {
  return bytes ? Buffer.concat([varint(bytes.length), bytes]) : varint(-1);
}

/** Protocol Buffers' encoding of a signed number of 64 bits. */
function varint(number: number | bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, (BigInt(number) << 1n) ^ (BigInt(number) >> 63n));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}

/** A batch of a header made by hand. */
export function batchOf(body: Buffer, header: Partial<BatchHeader> = {}): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeBigInt64BE(BigInt(header.firstOffset ?? 0), 0);
  bytes.writeInt32BE(HEADER_BYTES - 12 + body.length, 8);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE(header.attributes ?? 0, 21);
  bytes.writeInt32BE(header.lastOffsetDelta ?? 0, 23);
  bytes.writeBigInt64BE(header.firstTimestamp ?? 0n, 27);
  bytes.writeBigInt64BE(header.maxTimestamp ?? 0n, 35);
  bytes.writeBigInt64BE(header.producerId ?? -1n, 43);
  bytes.writeInt32BE(header.records ?? 0, 57);
  return Buffer.concat([bytes, body]);
}

/** A batch as compaction leaves it: it keeps its first and last offset, whatever records are gone. */
export function sparseBatch(
  records: readonly StoredRecord[],
  firstOffset: number,
  lastOffset: number,
  header: Partial<BatchHeader> = {},
): Buffer {
  const firstTimestamp = header.firstTimestamp ?? records[0]?.timestamp ?? 0n;
  return batchOf(recordBytes(records, firstOffset, firstTimestamp), {
    ...header,
    ...{ firstOffset, firstTimestamp, lastOffsetDelta: lastOffset - firstOffset, records: records.length },
  });
}

/** The end of a transaction. */
export const controlBatch = (offset: number, producerId: bigint, committed: boolean): Buffer =>
  sparseBatch(
    [{ ...storedRecord(offset, Buffer.alloc(6)), key: Buffer.from([0, 0, 0, committed ? 1 : 0]) }],
    offset,
    offset,
    { attributes: TRANSACTIONAL | CONTROL, producerId },
  );

/** What a reader makes of a record. */
export interface ReadRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly value: string | null;
}

/** All that is left, copied: a cursor is one object for all of its records. */
export function readAll(records: LogRecords): ReadRecord[] {
  const read: ReadRecord[] = [];
  for (let record; (record = records.next());) {
    const { offset, timestamp, bytes, start, end } = record;
    read.push({ offset, timestamp, value: bytes?.toString('latin1', start, end) ?? null });
  }
  return read;
}

export const expected = ({ offset, timestamp, value }: StoredRecord): ReadRecord => ({
  offset,
  timestamp: Number(timestamp),
  value: value?.toString('latin1') ?? null,
});

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

/** Up to 100 kB, and mostly short; large ones are all of one byte. */
const anyValue = fc.oneof(
  { weight: 8, arbitrary: bytes(40) },
  { weight: 1, arbitrary: fc.integer({ min: 41, max: 100_000 }).map((size) => Buffer.alloc(size, size)) },
);

const anyTimestamp = fc.oneof(
  fc.bigInt({ min: 1_700_000_000_000n, max: 1_800_000_000_000n }),
  fc.bigInt({ min: -(2n ** 51n), max: 2n ** 51n }),
  fc.constantFrom(-1n, 0n, 1n, 2n ** 51n, -(2n ** 51n)),
);

const anyContent = fc.record({
  timestamp: anyTimestamp,
  key: fc.option(bytes(20)),
  value: fc.option(anyValue),
  headers: fc.array(fc.tuple(bytes(10), bytes(200)), { maxLength: 3 }).map((pairs) => new Map(pairs)),
});

/** Any records of one batch, without gaps. */
export const anyRecords = (maxLength = 20): fc.Arbitrary<[StoredRecord, ...StoredRecord[]]> =>
  fc
    .tuple(
      fc.oneof(fc.nat(1000), fc.integer({ min: 2 ** 31 - 5, max: 2 ** 50 })),
      anyContent,
      fc.array(anyContent, { maxLength: maxLength - 1 }),
    )
    .map(([offset, first, others]) => [
      { ...first, offset },
      ...others.map((content, i) => ({ ...content, offset: offset + 1 + i })),
    ]);

/** Any log: batches one after the other, with gaps between and within them, some of them left without a record. */
export const anyCompactedLog: fc.Arbitrary<{ bytes: Buffer; records: StoredRecord[]; nextOffset: number }> =
  fc
    .array(
      fc.record({
        gapBefore: fc.oneof(fc.constant(0), fc.nat(50), fc.nat(2 ** 31)),
        contents: fc.array(fc.tuple(fc.oneof(fc.constant(0), fc.nat(300_000)), anyContent), { maxLength: 8 }),
        gapAfter: fc.nat(3),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((batches) => {
      let offset = 0;
      const all: StoredRecord[] = [];
      const bytes = batches.map(({ gapBefore, contents, gapAfter }) => {
        const first = (offset += gapBefore);
        const records = contents.map(([gap, content]) => {
          offset += gap;
          return { ...content, offset: offset++ };
        });
        all.push(...records);
        offset += gapAfter;
        if (offset === first) offset++;
        return sparseBatch(records, first, offset - 1);
      });
      return { bytes: Buffer.concat(bytes), records: all, nextOffset: offset };
    });

/** Bytes in which some bits are turned over. */
export const corrupted = (bytes: Buffer): fc.Arbitrary<Buffer> =>
  fc
    .array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    })
    .map((flips) => {
      const copy = Buffer.from(bytes);
      for (const [at, bits] of flips) copy[at]! ^= bits;
      return copy;
    });
