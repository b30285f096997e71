import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { partitionOf } from './partitioner.js';

const byKafkajs = kafkajs.Partitioners.DefaultPartitioner();

function partitionByKafkajs(key: Buffer, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  return byKafkajs({ topic: 'any', partitionMetadata, message: { key, value: null } });
}

describe('partitionOf', () => {
  it('is that of kafkajs for any bytes, and any number of partitions', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 100 }), (bytes, partitions) => {
        const key = Buffer.from(bytes);
        expect(partitionOf(key, partitions)).toBe(partitionByKafkajs(key, partitions));
      }),
      { numRuns: 500 },
    );
  });

  // From Kafka's UtilsTest.testMurmur2, their signs taken off.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('is that of the Java client for %s', (key, hash) => {
    expect(partitionOf(Buffer.from(key), 2 ** 31)).toBe(hash & 0x7fffffff);
  });
});
