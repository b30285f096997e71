import { createRequire } from 'node:module';
import fc from 'fast-check';
import {
  anyCompactedLog,
  anyRecords,
  APPEND_TIME,
  batchByLibrary,
  batchOf,
  corrupted,
  expected,
  readAll,
  recordBytes,
  sparseBatch,
  storedRecord,
  storedRecords,
} from '../../../test/support/stored-batches.js';
import { RecordCursor } from './record-cursor.js';
import { storedBatches, UnreadableBatchError } from './stored-batches.js';

const EVERYTHING = [0, Number.MAX_SAFE_INTEGER] as const;
const read = (bytes: Buffer, [from, to]: readonly [number, number] = EVERYTHING) =>
  readAll(new RecordCursor(storedBatches(bytes), from, to));

describe('RecordCursor', () => {
  describe('reads what other encoders wrote', () => {
    it('@platformatic/kafka: any offsets, keys, values, headers and timestamps', () => {
      fc.assert(
        fc.property(anyRecords(), (any) => {
          const [{ timestamp: first }] = any;
          const records = any.map((record) => {
            return { ...record, timestamp: first + BigInt.asIntN(32, record.timestamp - first) };
          });
          expect(read(batchByLibrary(records))).toEqual(records.map(expected));
        }),
      );
    });

    it('kafkajs: the same', async () => {
      const { Record, RecordBatch } = kafkajsEncoders();
      await fc.assert(
        fc.asyncProperty(anyRecords(8), async (records) => {
          const [{ offset: firstOffset, timestamp: firstTimestamp }] = records;
          const batch = await RecordBatch({
            firstOffset: String(firstOffset),
            firstTimestamp: String(firstTimestamp),
            lastOffsetDelta: records.length - 1,
            records: records.map(({ timestamp, key, value, headers }, offsetDelta) =>
              Record({
                offsetDelta,
                timestampDelta: String(timestamp - firstTimestamp),
                ...{ key, value },
                headers: Object.fromEntries([...headers].map(([name, of]) => [name.toString('hex'), of])),
              }),
            ),
          });
          expect(read(batch.buffer)).toEqual(records.map(expected));
        }),
        { numRuns: 50 },
      );
    });

    it('any number of batches, with the gaps that compaction leaves between and within them', () => {
      fc.assert(
        fc.property(anyCompactedLog, ({ bytes, records }) => {
          expect(read(bytes)).toEqual(records.map(expected));
        }),
      );
    });
  });

  it('leaves out what lies outside of the range, wherever that begins and ends', () => {
    const bounds = fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(anyCompactedLog, bounds, ({ bytes, records, nextOffset }, [one, other]) => {
        // At a record, or anywhere.
        const near = (share: number): number =>
          records[Math.floor(share * records.length)]?.offset ?? Math.floor(share * nextOffset);
        const [from, to] = [Math.floor(one * nextOffset), near(other)];
        const wanted = records.filter(({ offset }) => offset >= from && offset < to);
        expect(read(bytes, [from, to])).toEqual(wanted.map(expected));
      }),
    );
  });

  it('every range of a small log', () => {
    const log = Buffer.concat([
      sparseBatch([storedRecord(2), storedRecord(3), storedRecord(6)], 1, 7),
      sparseBatch([], 8, 9),
      batchByLibrary(storedRecords(10, 13)),
    ]);
    for (let from = 0; from < 15; from++)
      for (let to = from; to < 15; to++)
        expect(read(log, [from, to]).map(({ offset }) => offset)).toEqual(
          [2, 3, 6, 10, 11, 12].filter((offset) => offset >= from && offset < to),
        );
  });

  it('tells a tombstone from an empty value', () => {
    const records = [storedRecord(0, null), storedRecord(1, ''), storedRecord(2, 'a')];
    expect(read(batchByLibrary(records)).map(({ value }) => value)).toEqual([null, '', 'a']);
  });

  it('takes the time of appending for the timestamp, where the topic says so', () => {
    const bytes = batchByLibrary(storedRecords(5, 8), { attributes: APPEND_TIME, maxTimestamp: 1234n });
    expect(read(bytes).map(({ timestamp }) => timestamp)).toEqual([1234, 1234, 1234]);
    const both = Buffer.concat([bytes, batchByLibrary([storedRecord(8, 'a', 99)])]);
    expect(read(both).at(-1)).toEqual({ offset: 8, timestamp: 99, value: 'a' });
  });

  it.each([
    ['none', [-1n, -1n]],
    ['before the first', [1000n, 999n, 0n, -1n]],
    ['as far apart as 64 bits allow', [2n ** 63n - 1n, 0n, -1n]],
    ['as far apart the other way', [-1n, 2n ** 62n, -(2n ** 62n)]],
  ])('timestamps: %s', (_, timestamps) => {
    const records = timestamps.map((timestamp, i) => ({ ...storedRecord(i), timestamp }));
    for (const [i, { timestamp }] of read(sparseBatch(records, 0, records.length - 1)).entries()) {
      const own = Number(timestamps[i]);
      // Beyond 53 bits it is not exact; it is the same instant for all who look at it.
      expect(Math.abs(timestamp - own)).toBeLessThanOrEqual(2 ** 11);
      if (Math.abs(own) > 2 ** 11) expect(Math.sign(timestamp)).toBe(Math.sign(own));
    }
  });

  it('ends for good', () => {
    const cursor = new RecordCursor(storedBatches(batchByLibrary(storedRecords(0, 5))), 1, 3);
    expect(readAll(cursor)).toHaveLength(2);
    for (let again = 0; again < 5; again++) expect(cursor.next()).toBeNull();
    expect(new RecordCursor([], 0, 10).next()).toBeNull();
  });

  it('is one object for all records, and the value a view: nothing is copied', () => {
    const bytes = batchByLibrary(storedRecords(0, 3));
    const cursor = new RecordCursor(storedBatches(bytes), ...EVERYTHING);
    expect(cursor.next()).toBe(cursor);
    expect(cursor.bytes!.buffer).toBe(bytes.buffer);
    expect(cursor.next()).toBe(cursor);
  });

  describe('bytes that make no sense are an UnreadableBatchError', () => {
    const body = recordBytes(storedRecords(0, 3), 0, 0n);
    const header = { records: 3, lastOffsetDelta: 2 };

    it('records that end before they should', () => {
      for (let length = 0; length < body.length; length++)
        expect(() => read(batchOf(body.subarray(0, length), header))).toThrow(UnreadableBatchError);
      expect(read(batchOf(body, header))).toHaveLength(3);
    });

    it('more records than there are', () => {
      expect(() => read(batchOf(body, { ...header, records: 4 }))).toThrow(UnreadableBatchError);
      expect(() => read(batchOf(body, { ...header, records: 2 ** 31 - 1 }))).toThrow(UnreadableBatchError);
    });

    it.each([
      ['a length of 0', [0]],
      ['a negative length', [1, 0, 0, 0, 1, 1, 0]],
      ['a value longer than its record', [0x0c, 0, 0, 0, 1, 0x7e, 0]],
      ['a key longer than its record', [0x0c, 0, 0, 0, 0x7e, 1, 0]],
      ['a number without an end', Array.from({ length: 500 }, () => 0xff)],
      ['a number without an end, of nothing', Array.from({ length: 500 }, () => 0x80)],
    ])('%s', (_, bytes) => {
      expect(() => read(batchOf(Buffer.from(bytes), { records: 1 }))).toThrow(UnreadableBatchError);
    });

    it('any corruption of it gives that, or finite numbers of records, in no time', () => {
      const log = recordBytes(storedRecords(0, 20), 0, 1_700_000_000_000n);
      const count = fc.oneof(fc.constant(20), fc.integer({ min: 0, max: 2 ** 31 - 1 }));
      const anything = fc.oneof(
        corrupted(log),
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      );
      fc.assert(
        fc.property(anything, count, (bytes, records) => {
          const started = performance.now();
          try {
            const found = read(batchOf(bytes, { records, lastOffsetDelta: 19 }));
            expect(found.length).toBeLessThanOrEqual(bytes.length);
            for (const { offset, timestamp } of found) {
              expect(Number.isSafeInteger(offset)).toBe(true);
              expect(timestamp).not.toBeNaN();
            }
          } catch (error) {
            if (!(error instanceof UnreadableBatchError)) throw error;
          }
          expect(performance.now() - started).toBeLessThan(1000);
        }),
        { numRuns: 2000 },
      );
    });
  });
});

interface Encoded {
  readonly buffer: Buffer;
}

/** Not exported by kafkajs. */
function kafkajsEncoders(): {
  Record: (record: object) => Encoded;
  RecordBatch: (batch: object) => Promise<Encoded>;
} {
  const require = createRequire(import.meta.url);
  const path = 'kafkajs/src/protocol/recordBatch';
  return {
    Record: require(`${path}/record/v0`) as (record: object) => Encoded,
    ...(require(`${path}/v0`) as { RecordBatch: (batch: object) => Promise<Encoded> }),
  };
}
