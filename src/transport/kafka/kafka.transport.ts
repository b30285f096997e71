import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { ServerKafka } from '@nestjs/microservices';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Config } from '../../config/config.js';
import { deliver } from '../deliver.js';
import type { AssignmentListener, EventSource, LogBounds, SourceHealth } from '../event-source.js';
import { RECORD_BATCH } from '../record-batch.js';
import type { KafkaAdmin } from './kafka.admin.js';
import { filteredBatch, KafkaBatchContext, toRecordBatch } from './kafka-batch.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;
/** Without a sign of life from the brokers for this long the source is not healthy. */
const SILENCE_MS = 10_000;

type CommitOffsets = EachBatchPayload['commitOffsetsIfNecessary'];

/** Nest's Kafka transport, a batch at a time and with the offsets in our own hands. */
export class KafkaTransport extends ServerKafka implements EventSource {
  readonly transport = 'kafka';
  readonly topic: string;
  protected override readonly logger = new Logger('Kafka');
  private assignments: AssignmentListener | undefined;
  private commitOffsets: CommitOffsets | undefined;
  private readonly closing = new AbortController();
  private running: Promise<void> | undefined;
  private joined = false;
  private lastContact = 0;
  private announcedAway = false;
  private trouble: string | undefined = 'not connected to the brokers yet';

  constructor(
    private readonly kafka: Kafka,
    private readonly admin: KafkaAdmin,
    private readonly config: Config,
  ) {
    super({ postfixId: '' });
    this.topic = config.KAFKA_TOPIC;
  }

  /** Returns at once: the process is up, and not ready, while the brokers are away. */
  override listen(callback: (error?: unknown) => void): Promise<void> {
    this.running = this.keepTrying();
    callback();
    return Promise.resolve();
  }

  override async close(): Promise<void> {
    this.closing.abort();
    await this.running;
    await this.consumer?.disconnect();
    await this.admin.close();
    this.consumer = null;
  }

  override async bindEvents(consumer: Consumer): Promise<void> {
    await consumer.subscribe({ topics: [this.topic], fromBeginning: true });
    await consumer.run({
      // The checkpoint in the database decides; offsets are committed by hand, for lag tools only.
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.eachBatch(payload),
    });
  }

  listener(listener: AssignmentListener): void {
    this.assignments = listener;
  }

  seek(partition: number, offset: bigint): void {
    this.consumer?.seek({ topic: this.topic, partition, offset: String(offset) });
  }

  pause(partition: number): void {
    this.consumer?.pause([{ topic: this.topic, partitions: [partition] }]);
  }

  resume(partition: number): void {
    this.consumer?.resume([{ topic: this.topic, partitions: [partition] }]);
  }

  async bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    try {
      const bounds = await this.admin.bounds();
      this.trouble = undefined;
      return bounds;
    } catch (error) {
      this.trouble = (error as Error).message;
      throw error;
    }
  }

  async commit(offsets: ReadonlyMap<number, bigint>): Promise<void> {
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
    try {
      // Not consumer.commitOffsets(): when that fails during a rebalance, kafkajs starts a second fetch loop.
      await this.commitOffsets?.({ topics: [{ topic: this.topic, partitions }] });
    } catch (error) {
      this.logger.debug(
        `Offsets were not committed, the checkpoints are what counts: ${(error as Error).message}`,
      );
    }
  }

  health(): SourceHealth {
    // The error itself names addresses; it is in the log.
    if (this.trouble !== undefined) return { connected: false, detail: 'Kafka does not answer; see the log' };
    if (!this.joined) return { connected: false, detail: 'not a member of the consumer group yet' };
    const silence = Date.now() - this.lastContact;
    if (silence > SILENCE_MS)
      return { connected: false, detail: `no answer from the brokers for ${Math.round(silence / 1000)} s` };
    return { connected: true };
  }

  private async keepTrying(): Promise<void> {
    for (let wait = FIRST_RETRY_MS; !this.closing.signal.aborted; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
      try {
        if (await this.admin.ensureTopic())
          this.logger.log(
            `Created topic ${this.topic} with ${this.config.KAFKA_TOPIC_PARTITIONS} partitions`,
          );
        await this.startConsumer();
        return;
      } catch (error) {
        this.away((error as Error).message);
        await this.consumer?.disconnect().catch(() => undefined);
        await delay(wait, undefined, { signal: this.closing.signal }).catch(() => undefined);
      }
    }
  }

  private async startConsumer(): Promise<void> {
    const consumer = this.kafka.consumer({
      groupId: this.config.KAFKA_GROUP_ID,
      sessionTimeout: this.config.KAFKA_SESSION_TIMEOUT,
      heartbeatInterval: Math.floor(this.config.KAFKA_SESSION_TIMEOUT / 5),
      maxBytes: this.config.KAFKA_FETCH_MAX_BYTES,
      // An answer comes as soon as there is one record; this is only how long an empty fetch may wait.
      maxWaitTimeInMs: 500,
      // How soon added partitions are noticed.
      metadataMaxAge: 30_000,
      allowAutoTopicCreation: false,
      readUncommitted: false,
    });
    this.consumer = consumer;
    this.watch(consumer);
    await consumer.connect();
    await this.bindEvents(consumer);
  }

  private watch(consumer: Consumer): void {
    const contact = (): void => {
      this.lastContact = Date.now();
    };
    consumer.on(consumer.events.FETCH, contact);
    consumer.on(consumer.events.HEARTBEAT, contact);
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      contact();
      this.joined = true;
      this.announcedAway = false;
      this.trouble = undefined;
      const partitions = payload.memberAssignment[this.topic] ?? [];
      this.logger.log(`Joined group ${payload.groupId} with partitions ${partitions.join(', ') || 'none'}`);
      // kafkajs keeps pauses across rebalances; whatever has to stay paused is paused again after its claim.
      if (partitions.length > 0) consumer.resume([{ topic: this.topic, partitions }]);
      this.assignments?.assigned(partitions);
    });
    consumer.on(consumer.events.START_BATCH_PROCESS, (event) => {
      const filtered = filteredBatch(event);
      if (filtered) this.assignments?.advanced(filtered);
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      this.joined = false;
      this.away(error.message);
      // kafkajs restarts after errors it takes for passing ones, and stays dead after all others.
      if (!restart && !this.closing.signal.aborted) this.running = this.keepTrying();
    });
  }

  /** One line when Kafka goes away, not one for each try to come back. */
  private away(reason: string): void {
    const line = `Kafka (${this.config.KAFKA_BROKERS?.join(', ') ?? ''}) is not there, trying again until it is: ${reason}`;
    if (!this.announcedAway) this.logger.warn(line);
    else this.logger.debug(line);
    this.announcedAway = true;
    this.trouble = reason;
  }

  private async eachBatch(payload: EachBatchPayload): Promise<void> {
    this.commitOffsets = (offsets) => payload.commitOffsetsIfNecessary(offsets);
    const { partition } = payload.batch;
    const context = new KafkaBatchContext(payload);
    try {
      const directive = await deliver(
        this.getHandlerByPattern(RECORD_BATCH),
        toRecordBatch(payload),
        context,
      );
      switch (directive.kind) {
        case 'continue':
          payload.resolveOffset(payload.batch.lastOffset());
          break;
        case 'seek':
          this.seek(partition, directive.offset);
          break;
        case 'pause':
          this.pause(partition);
          break;
        case 'abandon':
          break;
      }
    } catch (error) {
      // A bug, not bad data: say so and come back to the same batch. Thrown on, it would end the consumer for good.
      this.logger.error(`Partition ${partition} could not be taken in, trying again`, (error as Error).stack);
      await delay(FIRST_RETRY_MS);
      await context.heartbeat();
    }
    if (context.lost) throw context.lost;
  }
}
