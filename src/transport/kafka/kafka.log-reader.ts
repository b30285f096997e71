import type { Config } from '../../config/config.js';
import type { LogPosition } from '../log-position.js';
import {
  LogReader,
  LogTruncatedError,
  LogUnavailableError,
  type LogReading,
  type Offsets,
} from '../log-reader.js';
import type { RecordBatch } from '../record-batch.js';
import { clientOptions } from './kafka-client.js';
import { KafkaCluster } from './kafka-cluster.js';
import type { KafkaAdmin } from './kafka.admin.js';
import { RecordFetcher, type FetchListener } from './record-fetcher.js';

/** How long a reading that is at the end of the log waits for more: it is short, since ingestion may be waiting too. */
const MAX_WAIT_MS = 50;

/** How often a reading asks whether the log still has what it is to read. */
const LOOK_MS = 1_000;

/** For so long brokers may fail to answer. */
const PATIENCE_MS = 10_000;

/** Reads a topic again, without a consumer group. */
export class KafkaLogReader extends LogReader {
  constructor(
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

  async open(starts: ReadonlyMap<number, LogPosition>): Promise<LogReading> {
    const cluster = new KafkaCluster(clientOptions(this.config), this.config.KAFKA_TOPIC);
    try {
      await cluster.leaders();
    } catch (error) {
      await cluster.close();
      throw new LogUnavailableError((error as Error).message, { cause: error });
    }
    return new KafkaLogReading(cluster, this.admin, this.config, starts);
  }
}

/** What is being read at the moment. */
interface Read {
  readonly ends: Offsets;
  readonly take: (batch: RecordBatch) => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class KafkaLogReading implements LogReading, FetchListener {
  private readonly positions: Map<number, bigint>;
  private readonly fetcher: RecordFetcher;
  private readonly closing = new AbortController();
  private readonly fetching: Promise<void>;
  private read: Read | null = null;
  private lastAnswer = performance.now();

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly admin: KafkaAdmin,
    config: Config,
    private readonly starts: ReadonlyMap<number, LogPosition>,
  ) {
    this.positions = new Map([...starts].map(([partition, { offset }]) => [partition, offset]));
    this.fetcher = new RecordFetcher(
      cluster,
      { topic: config.KAFKA_TOPIC, maxBytes: config.KAFKA_FETCH_MAX_BYTES, maxWaitMs: MAX_WAIT_MS },
      this,
    );
    this.fetcher.assign([...starts.keys()]);
    this.fetching = this.fetcher.run(this.closing.signal);
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
    this.lastAnswer = performance.now();
    try {
      for (const [partition, end] of ends) {
        this.fetcher.stopAt(partition, end);
        this.fetcher.seek(partition, this.positionOf(partition), this.logIdOf(partition));
      }
      this.endIfDone();
      await done;
    } finally {
      clearInterval(looks);
      signal.removeEventListener('abort', abort);
      this.read = null;
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.cluster.close();
    await this.fetching;
  }

  async take(batch: RecordBatch): Promise<void> {
    const { read } = this;
    if (!read) return;
    try {
      await read.take(batch);
      this.positions.set(batch.partition, batch.nextOffset);
      this.endIfDone();
    } catch (error) {
      read.reject(error);
    }
  }

  outOfRange(partition: number, offset: bigint): void {
    this.read?.reject(new LogTruncatedError(partition, offset));
  }

  /** Whoever begins anew finds out whether it is back, or gone for good. */
  otherLog(partition: number, logId: string): void {
    this.read?.reject(
      new LogUnavailableError(`the log of partition ${partition} is not there any more: its id was ${logId}`),
    );
  }

  answered(): void {
    this.lastAnswer = performance.now();
  }

  failed(error: Error): void {
    if (performance.now() - this.lastAnswer > PATIENCE_MS)
      this.read?.reject(new LogUnavailableError(error.message, { cause: error }));
  }

  /** Ends a reading whose records are gone: with nothing behind them it would wait for ever. */
  private async look(read: Read | null): Promise<void> {
    const bounds = await this.admin.bounds().catch(() => null);
    if (!bounds || !read) return;
    for (const [partition, end] of read.ends) {
      const position = this.positionOf(partition);
      const known = bounds.get(partition);
      if (known?.logId !== this.logIdOf(partition)) continue; // one answer may lack it; another log is told of
      const { low, high } = known;
      if (position < end && (position < low || high < end))
        read.reject(new LogTruncatedError(partition, position < low ? position : high));
    }
  }

  private endIfDone(): void {
    if (!this.read) return;
    for (const [partition, end] of this.read.ends) if (this.positionOf(partition) < end) return;
    this.read.resolve();
  }

  private logIdOf(partition: number): string {
    return this.starts.get(partition)?.logId ?? '';
  }

  private positionOf(partition: number): bigint {
    return this.positions.get(partition) ?? 0n;
  }
}
