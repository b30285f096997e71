import { parseConfig } from '../../src/config/config.js';
import { clientOptions } from '../../src/transport/kafka/kafka-client.js';
import { KafkaCluster, type TopicLeaders } from '../../src/transport/kafka/kafka-cluster.js';
import { RecordFetcher, type FetchListener } from '../../src/transport/kafka/record-fetcher.js';
import type { RecordBatch } from '../../src/transport/record-batch.js';
import type { TestTopic } from './kafka.js';
import { readAll, type ReadRecord } from './stored-batches.js';
import type { TcpProxy } from './tcp-proxy.js';

interface Options {
  readonly maxBytes?: number;
  readonly maxWaitMs?: number;
  /** In place of the broker itself. */
  readonly through?: readonly [TcpProxy, ...TcpProxy[]];
}

interface Taken {
  readonly records: ReadRecord[];
  readonly steps: [fetchedOffset: bigint, nextOffset: bigint][];
}

/** One broker, and proxies before it that pass for several. */
class ProxiedCluster extends KafkaCluster {
  /** Which of the proxies leads a partition. */
  leaderOf: (partition: number) => number = () => 0;

  constructor(
    topic: TestTopic,
    private readonly proxies: readonly TcpProxy[],
  ) {
    const brokers = proxies.map(({ address: { host, port } }) => `${host}:${port}`);
    const env = brokers.length > 0 ? { KAFKA_BROKERS: brokers[0] } : {};
    super(clientOptions(parseConfig({ ...topic.env, ...env })), topic.topic);
  }

  override async leaders(): Promise<TopicLeaders> {
    const { topicId, leaders } = await super.leaders();
    const through = [...leaders].map(
      ([partition, leader]) =>
        [partition, this.proxies[this.leaderOf(partition)]?.address ?? leader] as const,
    );
    return { topicId, leaders: new Map(through) };
  }
}

/** A fetcher at work, and what it told of. */
export class Fetching implements FetchListener {
  readonly cluster: ProxiedCluster;
  readonly fetcher: RecordFetcher;
  readonly outOfRanges: [partition: number, offset: bigint][] = [];
  readonly otherLogs: [partition: number, logId: string][] = [];
  readonly failures: string[] = [];
  /** The log that is read. */
  logId = '';
  /** Comes before a batch is taken in, which it is only when it is still wanted after it. */
  before: (batch: RecordBatch) => Promise<void> | void = () => undefined;
  private readonly taken = new Map<number, Taken>();
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private taking = false;

  constructor(topic: TestTopic, { maxBytes = 1024 * 1024, maxWaitMs = 100, through }: Options = {}) {
    this.cluster = new ProxiedCluster(topic, through ?? []);
    this.fetcher = new RecordFetcher(this.cluster, { topic: topic.topic, maxBytes, maxWaitMs }, this);
    this.running = this.fetcher.run(this.stopping.signal);
  }

  /** Reads the topic that there is now, from here on. */
  async findLog(): Promise<void> {
    this.logId = (await this.cluster.leaders()).topicId;
  }

  /** Reads these partitions from their beginning. */
  read(...partitions: number[]): void {
    this.fetcher.assign(partitions);
    for (const partition of partitions) this.seek(partition, 0n);
  }

  seek(partition: number, offset: bigint): void {
    this.fetcher.seek(partition, offset, this.logId);
  }

  /** In the order of taking in. */
  values(partition: number): (string | null)[] {
    return (this.taken.get(partition)?.records ?? []).map(({ value }) => value);
  }

  offsets(partition: number): number[] {
    return (this.taken.get(partition)?.records ?? []).map(({ offset }) => offset);
  }

  /** `[fetchedOffset, nextOffset]` of each batch that was taken in. */
  stepsOf(partition: number): readonly [bigint, bigint][] {
    return this.taken.get(partition)?.steps ?? [];
  }

  count(): number {
    return [...this.taken.values()].reduce((sum, { records }) => sum + records.length, 0);
  }

  forget(): void {
    this.taken.clear();
  }

  /** Ends the run. */
  async end(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** As the transport ends: the run, and all connections. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.cluster.close();
    await this.running;
  }

  async take(batch: RecordBatch, isCurrent: () => boolean): Promise<void> {
    if (this.taking) throw new Error('two batches were handed over at once');
    if (!isCurrent()) throw new Error('a batch was handed over that is not wanted');
    this.taking = true;
    await this.before(batch);
    this.taking = false;
    if (!isCurrent()) return;
    const { partition, fetchedOffset, nextOffset, records } = batch;
    const taken = this.taken.get(partition) ?? { records: [], steps: [] };
    this.taken.set(partition, taken);
    taken.records.push(...readAll(records));
    taken.steps.push([fetchedOffset, nextOffset]);
  }

  outOfRange(partition: number, offset: bigint): void {
    this.outOfRanges.push([partition, offset]);
  }

  otherLog(partition: number, logId: string): void {
    this.otherLogs.push([partition, logId]);
  }

  answered(): void {
    // Nobody asks.
  }

  failed(error: Error): void {
    this.failures.push(error.message);
  }
}
