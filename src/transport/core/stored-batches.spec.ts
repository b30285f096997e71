import fc from 'fast-check';
import {
  anyCompactedLog,
  APPEND_TIME,
  batchByLibrary,
  batchOf,
  CONTROL,
  controlBatch,
  corrupted,
  expected,
  HEADER_BYTES,
  readAll,
  sparseBatch,
  storedRecord,
  storedRecords,
  TRANSACTIONAL,
} from '../../../test/support/stored-batches.js';
import { RecordCursor } from './record-cursor.js';
import {
  compressionCodecs,
  eventBatches,
  storedBatches,
  UnreadableBatchError,
  type AbortedTransaction,
} from './stored-batches.js';

describe('storedBatches', () => {
  it('reads what the header says', () => {
    const bytes = batchByLibrary(
      [
        storedRecord(2 ** 40, 'a', 2000),
        storedRecord(2 ** 40 + 1, 'b', 3000),
        storedRecord(2 ** 40 + 2, 'c', 1000),
      ],
      { producerId: 2n ** 62n },
    );
    expect(storedBatches(bytes)).toEqual([
      {
        ...{ firstOffset: 2 ** 40, lastOffset: 2 ** 40 + 2, firstTimestamp: 2000, appendTimestamp: null },
        ...{ codec: 'none', isTransactional: false, isControl: false, producerId: 2n ** 62n, records: 3 },
        body: bytes.subarray(HEADER_BYTES),
      },
    ]);
    const attributes = APPEND_TIME | TRANSACTIONAL | CONTROL;
    expect(
      storedBatches(batchOf(Buffer.alloc(0), { attributes, maxTimestamp: 7n, firstTimestamp: -1n })),
    ).toMatchObject([
      { appendTimestamp: 7, isTransactional: true, isControl: true, firstTimestamp: -1, records: 0 },
    ]);
    expect(storedBatches(Buffer.alloc(0))).toEqual([]);
  });

  it('keeps the bytes where they are', () => {
    const bytes = Buffer.concat([batchByLibrary(storedRecords(0, 5)), batchByLibrary(storedRecords(5, 9))]);
    for (const { body } of storedBatches(bytes)) expect(body.buffer).toBe(bytes.buffer);
  });

  it('leaves out the last batch when the response ends in it, wherever it does', () => {
    const batches = [storedRecords(0, 3), storedRecords(3, 4), storedRecords(4, 9)].map((records) => ({
      records,
      bytes: batchByLibrary(records),
    }));
    batches.push({ records: [], bytes: sparseBatch([], 9, 12) });
    const all = Buffer.concat(batches.map(({ bytes }) => bytes));
    for (let length = 0; length <= all.length; length++) {
      let end = 0;
      const whole = batches.filter(({ bytes }) => (end += bytes.length) <= length);
      const found = storedBatches(all.subarray(0, length));
      expect(found).toHaveLength(whole.length);
      expect(readAll(new RecordCursor(found, 0, 100))).toEqual(
        whole.flatMap(({ records }) => records.map(expected)),
      );
    }
  });

  it('any log, cut anywhere: whole batches only, one behind the other', () => {
    fc.assert(
      fc.property(anyCompactedLog, fc.nat(), ({ bytes, records }, cut) => {
        const found = storedBatches(bytes.subarray(0, cut % (bytes.length + 1)));
        const next = (found.at(-1)?.lastOffset ?? -1) + 1;
        for (const [i, { firstOffset, lastOffset }] of found.entries()) {
          expect(firstOffset).toBeGreaterThan(found[i - 1]?.lastOffset ?? -1);
          expect(lastOffset).toBeGreaterThanOrEqual(firstOffset);
        }
        expect(readAll(new RecordCursor(found, 0, Infinity))).toEqual(
          records.filter(({ offset }) => offset < next).map(expected),
        );
      }),
    );
  });

  describe('bytes that make no sense are an UnreadableBatchError', () => {
    const good = batchByLibrary(storedRecords(0, 3));
    const changed = (change: (bytes: Buffer) => void): Buffer => {
      const bytes = batchByLibrary(storedRecords(3, 6));
      change(bytes);
      return bytes;
    };

    it.each([0, 1, 3, 127])('format %d', (format) => {
      const bytes = changed((batch) => batch.writeInt8(format, 16));
      expect(() => storedBatches(Buffer.concat([good, bytes]))).toThrow(
        new UnreadableBatchError(3, `it has format ${format}, not 2`),
      );
    });

    it('a format of old, whose messages may be shorter than the header of a batch', () => {
      const message = Buffer.alloc(26);
      message.writeInt32BE(14, 8);
      expect(() => storedBatches(message)).toThrow('it has format 0, not 2');
    });

    it.each([5, 6, 7])('compression %d', (codec) => {
      const bytes = changed((batch) => batch.writeInt16BE(codec, 21));
      expect(() => storedBatches(bytes)).toThrow(
        new UnreadableBatchError(3, `compression ${codec} is unknown`),
      );
    });

    it.each([0, 1, 48, -1, -11, -12, -13, -100, -(2 ** 31)])(
      'a length of %d: no batch is so short',
      (length) => {
        const bytes = changed((batch) => batch.writeInt32BE(length, 8));
        expect(() => storedBatches(bytes)).toThrow(UnreadableBatchError);
        expect(() => storedBatches(Buffer.concat([good, bytes, good]))).toThrow(UnreadableBatchError);
      },
    );

    it.each([-1, -2, -(2 ** 31)])(
      'a last offset of %d behind the first one: it would be read over and over',
      (delta) => {
        expect(() => storedBatches(changed((batch) => batch.writeInt32BE(delta, 23)))).toThrow(
          UnreadableBatchError,
        );
      },
    );

    it.each([-1, -(2 ** 31)])('%d records', (records) => {
      expect(() => storedBatches(changed((batch) => batch.writeInt32BE(records, 57)))).toThrow(
        UnreadableBatchError,
      );
    });

    it('any corruption of a log, and any bytes at all, give that or batches', () => {
      const log = Buffer.concat([good, sparseBatch(storedRecords(5, 9), 4, 20), controlBatch(21, 7n, true)]);
      const lengths = fc
        .tuple(fc.constantFrom(0, good.length), fc.oneof(fc.integer(), fc.integer({ min: -100, max: 100 })))
        .map(([at, length]) => {
          const bytes = Buffer.from(log);
          bytes.writeInt32BE(length, at + 8);
          return bytes;
        });
      const anything = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
      fc.assert(
        fc.property(fc.oneof(corrupted(log), lengths, anything), (bytes) => {
          try {
            let length = 0;
            for (const { body, codec, records, firstOffset, lastOffset } of storedBatches(bytes)) {
              length += HEADER_BYTES + body.length;
              expect(compressionCodecs).toContain(codec);
              expect(records).toBeGreaterThanOrEqual(0);
              expect(lastOffset).toBeGreaterThanOrEqual(firstOffset);
            }
            expect(length).toBeLessThanOrEqual(bytes.length);
          } catch (error) {
            if (!(error instanceof UnreadableBatchError)) throw error;
          }
        }),
        { numRuns: 5000 },
      );
    });
  });
});

describe('eventBatches', () => {
  const data = (offset: number, producerId: bigint, attributes = TRANSACTIONAL): Buffer =>
    batchByLibrary([storedRecord(offset)], { producerId, attributes });
  const offsets = (batches: Buffer[], aborted: AbortedTransaction[]): number[] =>
    eventBatches(storedBatches(Buffer.concat(batches)), aborted).map(({ firstOffset }) => firstOffset);

  /**
   *     offset     0    1    2    3    4     5    6     7
   *     producer   A    B    A    –    A     B    B     A
   *                data data data data abort data commit data
   */
  it('leaves out the aborted transaction, and what ends transactions; others go on beside it', () => {
    const [A, B] = [1n, 2n];
    const log = [data(0, A), data(1, B), data(2, A), data(3, -1n, 0), controlBatch(4, A, false)];
    log.push(data(5, B), controlBatch(6, B, true), data(7, A));
    expect(offsets(log, [{ producerId: A, firstOffset: 0 }])).toEqual([1, 3, 5, 7]);
    // The fetch begins in the middle of it.
    expect(offsets(log.slice(2), [{ producerId: A, firstOffset: 0 }])).toEqual([3, 5, 7]);
    expect(offsets(log, [])).toEqual([0, 1, 2, 3, 5, 7]);
  });

  it('keeps what a producer sends outside of transactions, even where one of it is aborted', () => {
    const log = [data(0, 1n), data(1, 1n, 0), controlBatch(2, 1n, false)];
    expect(offsets(log, [{ producerId: 1n, firstOffset: 0 }])).toEqual([1]);
  });

  it('is what a model of the log says, for any transactions of any producers, and any part of the log', () => {
    const step = fc.record({
      producer: fc.integer({ min: 1, max: 4 }),
      kind: fc.constantFrom('data', 'data', 'data', 'commit', 'abort', 'plain', 'idempotent'),
      records: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), fc.nat(), (steps, from, count) => {
        const log = logOf(steps);
        // A reader of what is committed is given nothing from the first open transaction on.
        const first = log.batches.findIndex(({ last }) => last >= from % (log.batches.at(-1)?.last ?? 1));
        const stable = log.batches
          .filter(({ first }) => first < log.lastStableOffset)
          .slice(Math.max(0, first));
        const part = stable.slice(0, count % (stable.length + 1));
        const aborted = log.aborted
          .filter(
            ({ marker, firstOffset }) =>
              marker >= (part[0]?.first ?? 0) && firstOffset < log.lastStableOffset,
          )
          .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }));
        const wanted = part.filter(
          ({ transaction }) => transaction === 'none' || transaction.outcome === 'commit',
        );
        expect(
          offsets(
            part.map(({ bytes }) => bytes),
            aborted,
          ),
        ).toEqual(wanted.map(({ first }) => first));
      }),
      { numRuns: 1000 },
    );
  });
});

interface Transaction {
  readonly firstOffset: number;
  outcome: 'open' | 'commit' | 'abort' | 'marker';
}

/** What brokers make of producers' steps. */
function logOf(steps: readonly { producer: number; kind: string; records: number }[]) {
  const batches: { first: number; last: number; bytes: Buffer; transaction: Transaction | 'none' }[] = [];
  const open = new Map<number, Transaction>();
  // In the order in which they ended, as brokers list them.
  const aborted: (AbortedTransaction & { marker: number })[] = [];
  let offset = 0;
  for (const { producer, kind, records } of steps) {
    const producerId = BigInt(producer);
    const first = offset;
    if (kind === 'commit' || kind === 'abort') {
      // There may be nothing to end: the producer had sent records to other partitions alone.
      const transaction = open.get(producer);
      if (transaction) transaction.outcome = kind;
      if (transaction && kind === 'abort')
        aborted.push({ producerId, firstOffset: transaction.firstOffset, marker: offset });
      open.delete(producer);
      const bytes = controlBatch(offset, producerId, kind === 'commit');
      batches.push({ first, last: offset++, bytes, transaction: { firstOffset: first, outcome: 'marker' } });
      continue;
    }
    offset += records;
    const header =
      kind === 'data'
        ? { producerId, attributes: TRANSACTIONAL }
        : { producerId: kind === 'idempotent' ? producerId + 100n : -1n, attributes: 0 };
    const transaction = open.get(producer) ?? { firstOffset: first, outcome: 'open' };
    if (kind === 'data') open.set(producer, transaction);
    batches.push({
      ...{ first, last: offset - 1, bytes: batchByLibrary(storedRecords(first, offset), header) },
      transaction: kind === 'data' ? transaction : 'none',
    });
  }
  const lastStableOffset = Math.min(offset, ...[...open.values()].map(({ firstOffset }) => firstOffset));
  return { batches, aborted, lastStableOffset };
}
