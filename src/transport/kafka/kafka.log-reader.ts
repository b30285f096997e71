import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Config } from '../../config/config.js';
import {
  LogReader,
  LogTruncatedError,
  LogUnavailableError,
  type LogReading,
  type Offsets,
} from '../log-reader.js';
import type { LogBounds } from '../event-source.js';
import type { RecordBatch } from '../record-batch.js';
import type { KafkaAdmin } from './kafka.admin.js';
import { filteredBatch, toRecordBatch } from './kafka-batch.js';

/** How long a reading that is at the end of the log waits for more: it is short, since ingestion may be waiting too. */
const MAX_WAIT_MS = 50;

/** How often a reading asks whether the log still has what it is to read. */
const LOOK_MS = 1_000;

/** Reads a topic again, as the only member of a group of its own that commits nothing and is gone afterwards. */
export class KafkaLogReader extends LogReader {
  constructor(
    private readonly kafka: Kafka,
    private readonly admin: KafkaAdmin,
    private readonly config: Config,
  ) {
    super();
  }

  offsetsAt(instant: number): Promise<Offsets> {
    return this.admin.offsetsAt(instant);
  }

  async gaps(): Promise<string | null> {
    return (await this.admin.isCompacted())
      ? 'the topic is compacted: events that were counted may not be in it any more'
      : null;
  }

  async open(starts: Offsets): Promise<LogReading> {
    // Begins like the group of ingestion, so that an ACL by prefix covers both.
    const groupId = `${this.config.KAFKA_GROUP_ID}-log-replay-${randomUUID()}`;
    const consumer = this.kafka.consumer({
      groupId,
      sessionTimeout: this.config.KAFKA_SESSION_TIMEOUT,
      maxBytes: this.config.KAFKA_FETCH_MAX_BYTES,
      maxWaitTimeInMs: MAX_WAIT_MS,
      allowAutoTopicCreation: false,
      readUncommitted: false,
    });
    const reading = new KafkaLogReading(consumer, this.admin, this.config.KAFKA_TOPIC, starts, groupId);
    try {
      await reading.start();
    } catch (error) {
      await reading.close();
      throw new LogUnavailableError((error as Error).message, { cause: error });
    }
    return reading;
  }
}

/** What is being read at the moment. */
interface Read {
  readonly ends: Offsets;
  readonly take: (batch: RecordBatch) => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class KafkaLogReading implements LogReading {
  private readonly positions: Map<number, bigint>;
  /** Where kafkajs was told to read from, after it had delivered something else. */
  private readonly soughtTo = new Map<number, bigint>();
  private read: Read | null = null;

  constructor(
    private readonly consumer: Consumer,
    private readonly admin: KafkaAdmin,
    private readonly topic: string,
    starts: Offsets,
    private readonly groupId: string,
  ) {
    this.positions = new Map(starts);
  }

  async start(): Promise<void> {
    const { consumer, topic } = this;
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      this.read?.reject(new LogUnavailableError(error.message, { cause: error }));
    });
    consumer.on(consumer.events.START_BATCH_PROCESS, (event) => {
      const filtered = filteredBatch(event);
      if (filtered?.fetchedOffset === this.positions.get(event.payload.partition))
        this.moveTo(event.payload.partition, filtered?.nextOffset ?? 0n);
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.eachBatch(payload),
    });
  }

  async readTo(
    ends: Offsets,
    take: (batch: RecordBatch) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const done = new Promise<void>((resolve, reject) => {
      this.read = { ends, take, resolve, reject };
    });
    const abort = (): void => this.read?.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const looks = setInterval(() => void this.look(this.read), LOOK_MS);
    try {
      for (const partition of ends.keys()) this.steer(partition);
      this.endIfDone();
      await done;
    } finally {
      clearInterval(looks);
      signal.removeEventListener('abort', abort);
      this.read = null;
    }
  }

  async close(): Promise<void> {
    await this.consumer.disconnect().catch(() => undefined);
    await this.admin.deleteGroup(this.groupId);
  }

  private async eachBatch(payload: EachBatchPayload): Promise<void> {
    const { read } = this;
    const batch = toRecordBatch(payload);
    const { partition } = batch;
    const end = read?.ends.get(partition) ?? 0n;
    const position = this.positions.get(partition) ?? 0n;
    if (!read || position >= end) {
      this.steer(partition);
      return;
    }
    try {
      if (batch.fetchedOffset !== position && !(await this.isWhatFollows(batch, position))) {
        this.soughtTo.set(partition, position);
        this.steer(partition);
        return;
      }
      const records = batch.records.filter(({ offset }) => BigInt(offset) < end);
      const nextOffset = batch.nextOffset < end ? batch.nextOffset : end;
      if (this.read !== read) return;
      await read.take({ ...batch, fetchedOffset: position, nextOffset, records });
      payload.resolveOffset(payload.batch.lastOffset());
      this.moveTo(partition, nextOffset);
    } catch (error) {
      // Thrown on, it would be kafkajs's to try again.
      read.reject(error);
    }
  }

  /**
   * The batch does not begin at the position. True when the log, asked for this very position and within its bounds, has answered
   * with what comes after it: there is no event between the two.
   */
  private async isWhatFollows({ partition, fetchedOffset }: RecordBatch, position: bigint): Promise<boolean> {
    const bounds = (await this.bounds()).get(partition);
    if (bounds && position < bounds.low) throw new LogTruncatedError(partition, position);
    return this.soughtTo.get(partition) === position && fetchedOffset > position;
  }

  private async bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    try {
      return await this.admin.bounds();
    } catch (error) {
      throw new LogUnavailableError((error as Error).message, { cause: error });
    }
  }

  /** Ends a reading whose records are gone: with nothing behind them kafkajs would wait for ever, and say nothing. */
  private async look(read: Read | null): Promise<void> {
    // When the log does not answer, kafkajs tells so itself.
    const bounds = await this.admin.bounds().catch(() => null);
    if (!bounds || !read) return;
    for (const [partition, end] of read.ends) {
      const position = this.positions.get(partition) ?? 0n;
      const known = bounds.get(partition);
      if (!known) continue; // one answer may lack it
      const { low, high } = known;
      if (position < end && (position < low || high < end))
        read.reject(new LogTruncatedError(partition, position < low ? position : high));
    }
  }

  private moveTo(partition: number, offset: bigint): void {
    this.positions.set(partition, offset);
    this.soughtTo.delete(partition);
    if (offset >= (this.read?.ends.get(partition) ?? 0n)) this.steer(partition);
    this.endIfDone();
  }

  /** Reads on from the position, or rests there when the partition has come to its end. */
  private steer(partition: number): void {
    const { topic } = this;
    const position = this.positions.get(partition) ?? 0n;
    this.consumer.seek({ topic, partition, offset: String(position) });
    if (position < (this.read?.ends.get(partition) ?? 0n))
      this.consumer.resume([{ topic, partitions: [partition] }]);
    else this.consumer.pause([{ topic, partitions: [partition] }]);
  }

  private endIfDone(): void {
    if (!this.read) return;
    for (const [partition, end] of this.read.ends) if ((this.positions.get(partition) ?? 0n) < end) return;
    this.read.resolve();
  }
}
