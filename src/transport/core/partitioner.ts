const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/**
 * The partition of a key, as the Java client and kafkajs choose it: murmur2, without its sign, modulo the partitions.
 * @see https://github.com/apache/kafka/blob/4.0.0/clients/src/main/java/org/apache/kafka/clients/producer/internals/BuiltInPartitioner.java
 */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** @see https://github.com/apache/kafka/blob/4.0.0/clients/src/main/java/org/apache/kafka/common/utils/Utils.java, murmur2 */
function murmur2(data: Buffer): number {
  const { length } = data;
  const tail = length & ~3;
  let h = SEED ^ length;
  for (let at = 0; at < tail; at += 4) {
    let k = Math.imul(data.readInt32LE(at), M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  if (tail < length) h = Math.imul(h ^ data.readUIntLE(tail, length - tail), M);
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}
