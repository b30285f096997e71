import fc from 'fast-check';
import snappy from 'snappy';
import {
  anyCompactedLog,
  anyRecords,
  batchByLibrary,
  batchOf,
  controlBatch,
  corrupted,
  expected,
  HEADER_BYTES,
  readAll,
  sparseBatch,
  storedRecord,
  storedRecords,
  TRANSACTIONAL,
  type ReadRecord,
} from '../../../test/support/stored-batches.js';
import { UnreadableBatchError } from '../core/stored-batches.js';
import { fetchedRun, recordBatches } from './fetched-batches.js';

const fetched = (bytes: Buffer, aborted: { producerId: bigint; firstOffset: number }[] = []) => ({
  ...{ partition: 3, errorCode: 0, low: 0n, high: 0n, aborted, bytes },
});

interface Handed {
  readonly records: ReadRecord[];
  /** `[fetchedOffset, nextOffset]` of each. */
  readonly steps: [number, number][];
}

/** All that a run hands over, each batch read before the next one is asked for. */
async function handed(run: ReturnType<typeof fetchedRun>, until: bigint | null = null): Promise<Handed> {
  const all: Handed = { records: [], steps: [] };
  for await (const { topic, partition, fetchedOffset, nextOffset, records } of recordBatches(
    run,
    'any',
    until,
  )) {
    expect([topic, partition]).toEqual(['any', 3]);
    const read = readAll(records);
    for (const { offset } of read) {
      expect(offset).toBeGreaterThanOrEqual(Number(fetchedOffset));
      expect(offset).toBeLessThan(Number(nextOffset));
    }
    all.records.push(...read);
    all.steps.push([Number(fetchedOffset), Number(nextOffset)]);
  }
  return all;
}

/** From the first offset to the last one, each behind the one before. */
function expectChain(steps: readonly (readonly [number, number])[], from: number, to: number): void {
  expect(steps.map(([fetchedOffset]) => fetchedOffset)).toEqual(
    [from, ...steps.map(([, next]) => next)].slice(0, -1),
  );
  for (const [fetchedOffset, next] of steps) expect(next).toBeGreaterThan(fetchedOffset);
  expect(steps.at(-1)?.[1] ?? from).toBe(to);
}

describe('a fetched run', () => {
  it('is handed over whole, without a step left out, from any offset until any other one', async () => {
    await fc.assert(
      fc.asyncProperty(anyCompactedLog, fc.nat(), fc.option(fc.nat()), async (log, start, stop) => {
        const from = start % log.nextOffset;
        const until = stop === null ? null : from + 1 + (stop % (2 * log.nextOffset));
        const run = fetchedRun(fetched(log.bytes), BigInt(from));
        expect(run.next).toBe(BigInt(log.nextOffset));
        const { records, steps } = await handed(run, until === null ? null : BigInt(until));
        const end = Math.min(log.nextOffset, until ?? Infinity);
        expectChain(steps, from, end);
        expect(records).toEqual(
          log.records.filter(({ offset }) => offset >= from && offset < end).map(expected),
        );
      }),
    );
  });

  it('is empty when no batch is whole: the next fetch begins where this one did', async () => {
    const bytes = batchByLibrary(storedRecords(5, 9));
    for (const part of [Buffer.alloc(0), bytes.subarray(0, 60), bytes.subarray(0, -1)]) {
      const run = fetchedRun(fetched(part), 5n);
      expect(run.next).toBe(5n);
      expect(await handed(run)).toEqual({ records: [], steps: [] });
    }
  });

  it('is handed over in groups of a megabyte, and in groups for batches that are larger', async () => {
    const kilobytes = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => storedRecord(from + i, Buffer.alloc(1024, 'x')));
    const bytes = Buffer.concat(
      [kilobytes(0, 600), kilobytes(600, 600), kilobytes(1200, 2500), kilobytes(3700, 1)].map((records) =>
        batchByLibrary(records),
      ),
    );
    const { records, steps } = await handed(fetchedRun(fetched(bytes), 1n));
    expect(steps).toEqual([
      [1, 1200],
      [1200, 3700],
      [3700, 3701],
    ]);
    expect(records).toHaveLength(3700);
  });

  it('goes on behind aborted transactions and control batches, also when nothing else is there', async () => {
    const aborted = (from: number, to: number) =>
      batchByLibrary(storedRecords(from, to), { producerId: 1n, attributes: TRANSACTIONAL });
    const bytes = Buffer.concat([
      aborted(0, 3),
      controlBatch(3, 1n, false),
      aborted(4, 6),
      controlBatch(6, 1n, false),
    ]);
    const transactions = [0, 4].map((firstOffset) => ({ producerId: 1n, firstOffset }));
    expect(await handed(fetchedRun(fetched(bytes, transactions), 0n))).toEqual({
      records: [],
      steps: [[0, 7]],
    });
    const more = Buffer.concat([batchByLibrary(storedRecords(0, 1)), bytes.subarray(aborted(0, 3).length)]);
    const { records, steps } = await handed(fetchedRun(fetched(more, transactions), 0n));
    expect([records.length, steps]).toEqual([1, [[0, 7]]]);
    expect((await handed(fetchedRun(fetched(bytes, transactions), 2n), 5n)).steps).toEqual([[2, 5]]);
  });

  describe('decompresses', () => {
    it.each(['none', 'gzip', 'snappy', 'lz4'] as const)('%s, of any records', async (compression) => {
      await fc.assert(
        fc.asyncProperty(anyRecords(), async (any) => {
          const records = any.map((record) => ({ ...record, timestamp: 1n }));
          const run = fetchedRun(fetched(batchByLibrary(records, { compression })), BigInt(any[0].offset));
          expect((await handed(run)).records).toEqual(records.map(expected));
        }),
        { numRuns: 50 },
      );
    });

    it('snappy, as the Java clients frame it', async () => {
      const sizes = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(anyRecords(), sizes, async (any, blocks) => {
          const records = any.map((record) => ({ ...record, timestamp: 1n }));
          const plain = batchByLibrary(records);
          const body = xerial(plain.subarray(HEADER_BYTES), blocks);
          const bytes = Buffer.concat([plain.subarray(0, HEADER_BYTES), body]);
          bytes.writeInt32BE(bytes.length - 12, 8);
          bytes.writeInt16BE(2, 21);
          const run = fetchedRun(fetched(bytes), BigInt(any[0].offset));
          expect((await handed(run)).records).toEqual(records.map(expected));
        }),
        { numRuns: 50 },
      );
    });

    it('zstd, written by its own tool in a stream', async () => {
      const { records } = await handed(fetchedRun(fetched(zstd()), 0n));
      expect(records.map(({ value }) => value)).toEqual(
        Array.from({ length: 40 }, (_, i) => `event ${i} of forty`),
      );
    });

    it('one of each, in one answer', async () => {
      const batches = [
        zstd(),
        ...(['gzip', 'snappy', 'lz4', 'none'] as const).map((compression, i) => {
          const records = storedRecords(40 + 10 * i, 50 + 10 * i);
          return batchByLibrary(records, { compression });
        }),
      ];
      const { records, steps } = await handed(fetchedRun(fetched(Buffer.concat(batches)), 0n));
      expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 80 }, (_, i) => i));
      expectChain(steps, 0, 80);
    });
  });

  describe('that is corrupt', () => {
    it('says where, and why', async () => {
      const bytes = batchByLibrary(storedRecords(7, 20), { compression: 'gzip' });
      bytes[HEADER_BYTES] = 0;
      await expect(handed(fetchedRun(fetched(bytes), 7n))).rejects.toThrow(
        'the record batch at offset 7 cannot be read: gzip: incorrect header check',
      );
    });

    it('hands over what lies before it', async () => {
      const large = storedRecord(0, Buffer.alloc(2 ** 20));
      const broken = batchByLibrary(storedRecords(1, 9), { compression: 'lz4' });
      broken[HEADER_BYTES] = 0;
      const taken: bigint[] = [];
      const run = fetchedRun(fetched(Buffer.concat([batchByLibrary([large]), broken])), 0n);
      const taking = async (): Promise<void> => {
        for await (const { nextOffset } of recordBatches(run, 'any', null)) taken.push(nextOffset);
      };
      await expect(taking()).rejects.toThrow(UnreadableBatchError);
      expect(taken).toEqual([1n]);
    });

    const frames: [string, Buffer][] = [
      ...(['none', 'gzip', 'snappy', 'lz4'] as const).map((compression): [string, Buffer] => [
        compression,
        batchByLibrary(storedRecords(0, 60), { compression }),
      ]),
      ['snappy as the Java clients frame it', framed()],
      ['zstd', zstd()],
    ];
    it.each(frames)(
      '%s: it is an UnreadableBatchError, or some records, and soon',
      async (_, batch: Buffer) => {
        const log = Buffer.concat([sparseBatch([], 0, 0), batch]);
        await fc.assert(
          fc.asyncProperty(corrupted(log), async (bytes) => {
            const started = performance.now();
            try {
              for await (const { records } of recordBatches(fetchedRun(fetched(bytes), 0n), 'any', null))
                readAll(records);
            } catch (error) {
              if (!(error instanceof UnreadableBatchError)) throw error;
            }
            expect(performance.now() - started).toBeLessThan(5_000);
          }),
          { numRuns: 300 },
        );
      },
    );
  });
});

/** Snappy blocks one behind the other, each with its length; the last size goes for the rest. */
function xerial(plain: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = [
    Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
  ];
  for (let at = 0, i = 0; at < plain.length; i++) {
    const size = sizes[i] ?? plain.length;
    const block = snappy.compressSync(plain.subarray(at, at + size));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
    at += size;
  }
  return Buffer.concat(parts);
}

function framed(): Buffer {
  const records = batchByLibrary(storedRecords(0, 60)).subarray(HEADER_BYTES);
  return batchOf(xerial(records, [100, 200]), { attributes: 2, lastOffsetDelta: 59, records: 60 });
}

/** Forty records, compressed by `zstd --no-content-size`: nothing here can write it. */
function zstd(): Buffer {
  const body = Buffer.from(
    'KLUv/QRYBQYAYokhHDBF9sCrqJsfVVLY3/Y3JoqiiBkgbZCWpCVpdKQ/DD0I9u/jnre7TnNc3jasaTfLbMawf13e+84513pjrK3NtWJKr2VZXFWf' +
      'ovw0dUnic+4o0hCUnwc7zm0aWa8kMIysf1m8ovQk4Qiyj0MbRi4KTBB3GCSVA4MAwThHwbRzACAKiFOQUtJOqBHg8WHYPwPwpTUQFAHDRB4B' +
      '5IwGVOFXjhBxFcRsrSTgCsUhslaa1V4AxtCqrmuVStRai6wC5/pKng==',
    'base64',
  );
  return batchOf(body, { attributes: 4, lastOffsetDelta: 39, records: 40 });
}
