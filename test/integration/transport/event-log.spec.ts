import fc from 'fast-check';
import { EventLogRepository } from '../../../src/transport/embedded/event-log.repository.js';
import { valueOf } from '../../../src/transport/record-batch.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

describe('the embedded log', () => {
  let database: TestDatabase;
  let log: EventLogRepository;
  beforeAll(async () => {
    database = await createTestDatabase();
    log = new EventLogRepository(database.dataSource);
  });
  afterAll(() => database.drop());

  it('gives back what was appended, to the byte and in order: empty records and tombstones too', async () => {
    const bytes = fc.uint8Array({ maxLength: 50 }).map((array) => Buffer.from(array));
    const payloads = fc.array(fc.oneof(bytes, fc.constant(null)), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(payloads, async (appended) => {
        const { high } = await log.bounds();
        await log.append(appended);
        const records = await log.read(high, 100, 1_000_000);
        expect(records.map(valueOf)).toEqual(appended);
        expect(records.map(({ offset }) => BigInt(offset) - high)).toEqual(
          appended.map((_, at) => BigInt(at)),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('reads on without a gap, however few bytes are wanted at a time', async () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 50 }).map((array) => Buffer.from(array)),
      fc.constant(null),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(payload, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 120 }),
        async (appended, maxBytes) => {
          const { high } = await log.bounds();
          await log.append(appended);
          const read: (Buffer | null)[] = [];
          while (read.length < appended.length) {
            const records = await log.read(high + BigInt(read.length), 100, maxBytes);
            expect(records.map(({ offset }) => Number(BigInt(offset) - high))).toEqual(
              records.map((_, at) => read.length + at),
            );
            expect(records.length).toBeGreaterThan(0);
            const before = records.slice(0, -1).reduce((sum, { start, end }) => sum + end - start, 0);
            expect(before).toBeLessThan(maxBytes);
            read.push(...records.map(valueOf));
          }
          expect(read).toEqual(appended);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('takes megabytes at once', async () => {
    const appended = [Buffer.alloc(1_048_576, 1), null, Buffer.alloc(3_000_000, 2), Buffer.from('x')];
    const { high } = await log.bounds();
    await log.append(appended);
    const records = await log.read(high, 100, 10_000_000);
    // Jest compares buffers a byte at a time.
    expect(records.map((record) => valueOf(record)?.toString('base64'))).toEqual(
      appended.map((value) => value?.toString('base64')),
    );
  });
});
