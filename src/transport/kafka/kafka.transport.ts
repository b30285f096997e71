import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { ServerKafka } from '@nestjs/microservices';
import type { Consumer, Kafka } from 'kafkajs';
import type { Config } from '../../config/config.js';
import { UnreadableBatchError } from '../core/stored-batches.js';
import { deliver } from '../deliver.js';
import type { AssignmentListener, EventSource, LogBounds, SourceHealth } from '../event-source.js';
import { RECORD_BATCH, type BatchContext, type RecordBatch } from '../record-batch.js';
import { FetchRefusedError } from './fetch-api.js';
import { isUnknownTopic, type KafkaAdmin } from './kafka.admin.js';
import { UnknownTopicError, type KafkaCluster } from './kafka-cluster.js';
import { RecordFetcher, type FetchListener } from './record-fetcher.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;
/** Without a sign of life from the brokers for this long the source is not healthy. */
const SILENCE_MS = 10_000;
/** How long a broker without new records may keep a fetch waiting, and with it partitions that are to be read anew. */
const MAX_WAIT_MS = 250;
/** The error itself names addresses; it is in the log. */
const NO_ANSWER = 'Kafka does not answer; see the log';
/** Bounds what is remembered of what was told. */
const MOST_TOLD = 100;

/**
 * Kafka as Nest's transport. kafkajs is the member of the consumer group: it says which partitions are ours. It never reads any,
 * which would cost more than all else (docs/performance.md): that is done by {@link RecordFetcher}.
 */
export class KafkaTransport extends ServerKafka implements EventSource, FetchListener {
  readonly transport = 'kafka';
  readonly topic: string;
  protected override readonly logger = new Logger('Kafka');
  private readonly fetcher: RecordFetcher;
  private assignments: AssignmentListener | undefined;
  private readonly closing = new AbortController();
  private membership: Promise<void> | undefined;
  private fetching: Promise<void> | undefined;
  private joined = false;
  private lastContact = 0;
  private announcedAway = false;
  /** What was told of already: it comes with each try. */
  private readonly told = new Set<string>();
  /** For everybody to read. */
  private trouble: string | undefined = NO_ANSWER;
  /** One that goes after that was deleted by somebody. */
  private topicWasThere = false;

  constructor(
    private readonly kafka: Kafka,
    private readonly admin: KafkaAdmin,
    private readonly cluster: KafkaCluster,
    private readonly config: Config,
  ) {
    super({ postfixId: '' });
    this.topic = config.KAFKA_TOPIC;
    this.fetcher = new RecordFetcher(
      cluster,
      { topic: this.topic, maxBytes: config.KAFKA_FETCH_MAX_BYTES, maxWaitMs: MAX_WAIT_MS },
      this,
    );
  }

  /** Returns at once: the process is up, and not ready, while the brokers are away. */
  override listen(callback: (error?: unknown) => void): Promise<void> {
    this.membership = this.keepTrying();
    this.fetching = this.fetcher.run(this.closing.signal);
    callback();
    return Promise.resolve();
  }

  override async close(): Promise<void> {
    this.closing.abort();
    await this.membership;
    await this.consumer?.disconnect();
    await this.cluster.close();
    await this.fetching;
    await this.admin.close();
    this.consumer = null;
  }

  override async bindEvents(consumer: Consumer): Promise<void> {
    await consumer.subscribe({ topics: [this.topic], fromBeginning: true });
    // All of it is paused as soon as the group is joined, so that no batch ever comes; heartbeats and rebalances go on.
    await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
  }

  listener(listener: AssignmentListener): void {
    this.assignments = listener;
  }

  seek(partition: number, offset: bigint, logId: string): void {
    this.fetcher.seek(partition, offset, logId);
  }

  pause(partition: number): void {
    this.fetcher.pause(partition);
  }

  resume(partition: number): void {
    this.fetcher.resume(partition);
  }

  async bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    try {
      const bounds = await this.admin.bounds();
      this.trouble = undefined;
      return bounds;
    } catch (error) {
      this.trouble = troubleOf(error);
      throw error;
    }
  }

  async commit(offsets: ReadonlyMap<number, bigint>): Promise<void> {
    const { topic } = this;
    try {
      await this.consumer?.commitOffsets(
        [...offsets].map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
      );
    } catch (error) {
      this.logger.debug(
        `Offsets were not committed, the checkpoints are what counts: ${(error as Error).message}`,
      );
    }
  }

  health(): SourceHealth {
    if (this.trouble !== undefined) return { connected: false, detail: this.trouble };
    if (!this.joined) return { connected: false, detail: 'not a member of the consumer group yet' };
    const silence = Date.now() - this.lastContact;
    if (silence > SILENCE_MS)
      return { connected: false, detail: `no answer from the brokers for ${Math.round(silence / 1000)} s` };
    return { connected: true };
  }

  /** The handler gets one batch after the other, of whichever partition. */
  async take(batch: RecordBatch, isCurrent: () => boolean): Promise<void> {
    const { partition } = batch;
    const context: BatchContext = { isCurrent, signOfLife: () => this.signOfLife(isCurrent) };
    try {
      const directive = await deliver(this.getHandlerByPattern(RECORD_BATCH), batch, context);
      if (!isCurrent()) return;
      switch (directive.kind) {
        case 'continue':
          break;
        case 'seek':
          this.fetcher.move(partition, directive.offset);
          break;
        case 'pause':
          this.fetcher.pause(partition);
          break;
        case 'abandon':
          this.fetcher.repeat(partition);
          break;
      }
    } catch (error) {
      if (error instanceof UnreadableBatchError) this.failed(error);
      // A bug, not bad data: say so and come back to the same batch.
      else
        this.logger.error(
          `Partition ${partition} could not be taken in, trying again`,
          (error as Error).stack,
        );
      if (isCurrent()) this.fetcher.repeat(partition);
    }
  }

  /** Whoever looks after the partitions will see it, and halt this one. */
  outOfRange(partition: number, offset: bigint): void {
    this.logger.debug(`The log of partition ${partition} does not have offset ${offset}`);
  }

  otherLog(partition: number, logId: string): void {
    this.logger.debug(`The log of partition ${partition} is not ${logId} any more`);
  }

  answered(): void {
    this.lastContact = Date.now();
  }

  /** When the brokers are away the group says so; what does not pass by itself holds its partition up until someone sees to it. */
  failed(error: Error): void {
    const stays =
      error instanceof UnreadableBatchError || (error instanceof FetchRefusedError && !error.passes);
    if (!stays || this.told.has(error.message)) {
      this.logger.debug(`Records could not be fetched, trying again: ${error.message}`);
      return;
    }
    if (this.told.size >= MOST_TOLD) this.told.clear();
    this.told.add(error.message);
    this.logger.error(`A partition stands still, its records are tried again: ${error.message}`);
  }

  private async keepTrying(): Promise<void> {
    for (let wait = FIRST_RETRY_MS; !this.closing.signal.aborted; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
      try {
        await this.findTopic();
        await this.joinGroup();
        return;
      } catch (error) {
        this.away(error as Error);
        await this.consumer?.disconnect().catch(() => undefined);
        await delay(wait, undefined, { signal: this.closing.signal }).catch(() => undefined);
      }
    }
  }

  /** Creates it when it is not there, but never in place of one that was deleted. @throws UnknownTopicError */
  private async findTopic(): Promise<void> {
    if (this.topicWasThere) await this.cluster.leaders();
    else if (await this.admin.ensureTopic())
      this.logger.log(`Created topic ${this.topic} with ${this.config.KAFKA_TOPIC_PARTITIONS} partitions`);
    this.topicWasThere = true;
  }

  private async joinGroup(): Promise<void> {
    const consumer = this.kafka.consumer({
      groupId: this.config.KAFKA_GROUP_ID,
      sessionTimeout: this.config.KAFKA_SESSION_TIMEOUT,
      heartbeatInterval: Math.floor(this.config.KAFKA_SESSION_TIMEOUT / 5),
      // How often it looks whether a heartbeat is due, with nothing to read.
      maxWaitTimeInMs: MAX_WAIT_MS,
      // How soon added partitions are noticed.
      metadataMaxAge: 30_000,
      allowAutoTopicCreation: false,
      // Without its topic it would restart several times a second.
      retry: { retries: 5, restartOnFailure: (error) => Promise.resolve(!isUnknownTopic(error)) },
    });
    this.consumer = consumer;
    this.watch(consumer);
    await consumer.connect();
    await this.bindEvents(consumer);
  }

  private watch(consumer: Consumer): void {
    consumer.on(consumer.events.HEARTBEAT, () => {
      this.answered();
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.answered();
      this.joined = true;
      this.announcedAway = false;
      this.trouble = undefined;
      const partitions = payload.memberAssignment[this.topic] ?? [];
      this.logger.log(`Joined group ${payload.groupId} with partitions ${partitions.join(', ') || 'none'}`);
      consumer.pause([{ topic: this.topic }]);
      this.fetcher.assign(partitions);
      this.assignments?.assigned(partitions);
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      this.joined = false;
      this.away(isUnknownTopic(error) ? new UnknownTopicError(this.topic) : error);
      // kafkajs restarts after errors it takes for passing ones, and stays dead after all others.
      if (!restart && !this.closing.signal.aborted) this.membership = this.keepTrying();
    });
  }

  /** Waits for the next answer of the group's coordinator. @returns whether the partition is ours after it */
  private async signOfLife(isCurrent: () => boolean): Promise<boolean> {
    const { consumer } = this;
    if (!consumer) return false;
    const { signal } = this.closing;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const remove of listeners) remove();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const { HEARTBEAT, GROUP_JOIN, CRASH } = consumer.events;
      const listeners = [HEARTBEAT, GROUP_JOIN, CRASH].map((event) => consumer.on(event, done));
      signal.addEventListener('abort', done);
    });
    return isCurrent() && this.joined;
  }

  /** One line when Kafka goes away, not one for each try to come back. */
  private away(error: Error): void {
    const line =
      error instanceof UnknownTopicError
        ? `Waiting until somebody creates it anew: ${error.message}`
        : `Kafka (${this.config.KAFKA_BROKERS?.join(', ') ?? ''}) is not there, trying again until it is: ${error.message}`;
    if (!this.announcedAway) this.logger.warn(line);
    else this.logger.debug(line);
    this.announcedAway = true;
    this.trouble = troubleOf(error);
  }
}

const troubleOf = (error: unknown): string =>
  error instanceof UnknownTopicError ? error.message : NO_ANSWER;
