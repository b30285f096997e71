import fc from 'fast-check';
import type { OutgoingEvent } from '../event-publisher.js';
import { partitionOf } from './partitioner.js';
import { MAX_PLAIN_BYTES, MAX_REQUEST_BYTES, produceRequests } from './produce-requests.js';

const of = (events: readonly OutgoingEvent[], partitions = 4) => [
  ...produceRequests(events, 'topic', partitions),
];
const event = (size: number): OutgoingEvent => ({ key: null, value: Buffer.alloc(size) });

describe('produceRequests', () => {
  it('keeps every event, in order, in requests of bounded size', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 40 });
    fc.assert(
      fc.property(sizes, (all) => {
        const requests = of(all.map(event));
        expect(requests.flatMap(({ records }) => records.map(({ value }) => value?.length))).toEqual(all);
        for (const { records, compress } of requests) {
          expect(compress).toBe(false);
          expect(records.reduce((sum, { value }) => sum + value!.length, 0)).toBeLessThan(MAX_REQUEST_BYTES);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('gives an event above the bound a request of its own, compressed where it would be too large for the brokers', () => {
    const requests = of([event(1), event(MAX_REQUEST_BYTES), event(MAX_PLAIN_BYTES), event(1)]);
    expect(requests.map(({ records, compress }) => [records.length, compress])).toEqual([
      [1, false],
      [1, false],
      [1, true],
      [1, false],
    ]);
  });

  it('keeps null keys, tombstones and given partitions; others go by their key, or round the partitions', () => {
    const [request] = of([
      { key: 'a', value: null },
      { key: 'a', value: Buffer.from('b'), partition: 3 },
      ...Array.from({ length: 4 }, () => ({ key: null, value: null })),
    ]);
    const [tombstone, given, ...any] = request!.records;
    expect(tombstone).toMatchObject({ value: null, partition: partitionOf(Buffer.from('a'), 4) });
    expect(given).toMatchObject({ key: Buffer.from('a'), partition: 3 });
    expect(any.every(({ key }) => key === null)).toBe(true);
    expect(any.map(({ partition }) => partition).sort()).toEqual([0, 1, 2, 3]);
  });
});
