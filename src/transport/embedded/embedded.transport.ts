import { once } from 'node:events';
import { Logger } from '@nestjs/common';
import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import type { DatabaseService } from '../../database/database.service.js';
import type { SessionLock } from '../../database/session-lock.js';
import { deliver } from '../deliver.js';
import type { AssignmentListener, EventSource, LogBounds, SourceHealth } from '../event-source.js';
import { listed, RECORD_BATCH, type BatchContext, type RecordBatch } from '../record-batch.js';
import { rest } from '../rest.js';
import { EventLogRepository } from './event-log.repository.js';

/** Advisory lock of the one process that reads the embedded log. */
export const READER_LOCK = 7_401_003;

const BATCH_RECORDS = 2_000;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Appends of this process wake the reader at once; those of another one are seen after this time. */
const POLL_MS = 200;
const RETRY_MS = 1_000;
const TRIM_INTERVAL_MS = 60_000;
const TRIM_RECORDS = 10_000;

/** Reads the `event_log` table as a transport: for a machine without Kafka, one process at a time. */
export class EmbeddedTransport extends Server implements CustomTransportStrategy, EventSource {
  readonly transport = 'embedded';
  // As for Kafka: a failure of the handler comes back to the transport, which reports it.
  override readonly propagatesEventHandlerErrors = true;
  protected override readonly logger = new Logger('EmbeddedLog');
  private readonly closing = new AbortController();
  private assignments: AssignmentListener | undefined;
  private position: bigint | null = null;
  private paused = false;
  private reading: Promise<void> | undefined;
  private trouble: string | undefined = 'the log is not being read yet';

  constructor(
    readonly topic: string,
    private readonly log: EventLogRepository,
    private readonly lock: SessionLock,
    private readonly database: DatabaseService,
    private readonly retentionMs: number,
  ) {
    super();
  }

  listen(callback: () => void): void {
    this.reading = this.run();
    callback();
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.log.events.emit('append');
    await this.reading;
    await this.lock.release();
  }

  on(): never {
    throw new Error('The embedded log has no events of its own');
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- Nest's signature
  unwrap<T>(): T {
    return this.log as T;
  }

  listener(listener: AssignmentListener): void {
    this.assignments = listener;
  }

  seek(_partition: number, offset: bigint): void {
    this.position = offset;
    this.log.events.emit('append');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  async bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    return new Map([[EventLogRepository.PARTITION, await this.log.bounds()]]);
  }

  /** Checkpoint and log are in one database: there is nobody else to tell. */
  commit(): Promise<void> {
    return Promise.resolve();
  }

  health(): SourceHealth {
    return this.trouble === undefined ? { connected: true } : { connected: false, detail: this.trouble };
  }

  private async run(): Promise<void> {
    await Promise.race([this.database.whenReady(), once(this.closing.signal, 'abort')]);
    let trimAt = 0;
    while (!this.closing.signal.aborted) {
      try {
        await this.holdLock();
        if (Date.now() >= trimAt) {
          const deleted = await this.log.trim(this.topic, this.retentionMs, TRIM_RECORDS);
          trimAt = Date.now() + (deleted === TRIM_RECORDS ? 0 : TRIM_INTERVAL_MS);
        }
        const busy = await this.readOnce();
        this.trouble = undefined;
        if (!busy) await this.wait(POLL_MS);
      } catch (error) {
        if (this.trouble !== (error as Error).message)
          this.logger.warn(`The embedded log cannot be read: ${(error as Error).message}`);
        this.trouble = (error as Error).message;
        await this.wait(RETRY_MS);
      }
    }
  }

  /** One process reads the log; another one waits here, ready to take over. */
  private async holdLock(): Promise<void> {
    if (this.lock.isHeld()) return;
    this.position = null;
    if (!(await this.lock.acquire()))
      throw new Error('another process reads the embedded log; waiting for it to end');
    this.assignments?.assigned([EventLogRepository.PARTITION]);
  }

  /** @returns whether there may be more right now */
  private async readOnce(): Promise<boolean> {
    const from = this.position;
    if (from === null || this.paused) return false;
    const records = await this.log.read(from, BATCH_RECORDS, BATCH_BYTES);
    const last = records.at(-1);
    if (!last || this.position !== from) return this.position !== from;
    const nextOffset = BigInt(last.offset) + 1n;
    const batch: RecordBatch = {
      ...{ topic: this.topic, partition: EventLogRepository.PARTITION },
      ...{ fetchedOffset: from, nextOffset, records: listed(records) },
    };
    await this.handOver(batch);
    return true;
  }

  private async handOver(batch: RecordBatch): Promise<void> {
    const isCurrent = (): boolean => this.lock.isHeld() && !this.closing.signal.aborted;
    const context: BatchContext = { isCurrent, signOfLife: () => Promise.resolve(isCurrent()) };
    const directive = await deliver(this.getHandlerByPattern(RECORD_BATCH), batch, context);
    switch (directive.kind) {
      case 'continue':
        // A seek while the batch was being taken in goes first.
        if (this.position === batch.fetchedOffset) this.position = batch.nextOffset;
        break;
      case 'seek':
        this.position = directive.offset;
        break;
      case 'pause':
        this.paused = true;
        break;
      case 'abandon':
        await this.wait(POLL_MS);
    }
  }

  /** Until there is something to do, which the end is too. */
  private async wait(ms: number): Promise<void> {
    if (!this.closing.signal.aborted) await rest(ms, this.log.events, 'append');
  }
}
