import type { LogBounds } from '../event-source.js';
import { FetchRefusedError, fetchRecords, type FetchedPartition, type FetchFrom } from './fetch-api.js';
import type { Broker, KafkaCluster, TopicLeaders } from './kafka-cluster.js';

/**
 * Bounds of partitions, each together with the id of the log that has them: offsets alone are asked for by the topic's name,
 * and between that and asking for its id it may have become another topic. So records are fetched by id, from the end, where
 * there are none; the answer has the bounds.
 * @param ends offsets that the log of each partition is likely to have
 * @throws FetchRefusedError when they are of another log by now, or what the library throws
 */
export async function boundsOf(
  cluster: KafkaCluster,
  { topicId: logId, leaders }: TopicLeaders,
  ends: ReadonlyMap<number, bigint>,
): Promise<Map<number, LogBounds>> {
  const byBroker = new Map<Broker, FetchFrom[]>();
  for (const [partition, offset] of ends) {
    const broker = leaders.get(partition);
    if (broker) byBroker.set(broker, [...(byBroker.get(broker) ?? []), { partition, offset, logId }]);
  }
  const answers = await Promise.all([...byBroker].map(([broker, from]) => fetchFrom(cluster, broker, from)));
  return new Map(
    answers.flat().map(({ partition, errorCode, low, high }) => {
      if (errorCode !== 0) throw new FetchRefusedError(partition, errorCode);
      return [partition, { logId, low, high }];
    }),
  );
}

async function fetchFrom(
  cluster: KafkaCluster,
  broker: Broker,
  partitions: readonly FetchFrom[],
): Promise<FetchedPartition[]> {
  try {
    const connection = await cluster.connection(broker);
    return await fetchRecords(connection, { partitions, maxWaitMs: 0, maxBytes: 1, maxPartitionBytes: 1 });
  } catch (error) {
    cluster.drop(broker);
    throw error;
  }
}
