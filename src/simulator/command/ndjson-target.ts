import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { StartupError } from '../../config/startup-error.js';
import { EventPublisher, type OutgoingEvent } from '../../transport/event-publisher.js';
import type { Ends } from '../core/log-end.js';
import type { RunTarget } from './run-target.js';

const open = promisify(fs.open);
const close = promisify(fs.close);
const write = promisify(fs.write);

const STDOUT = 1;
const LINE_FEED = 0x0a;
/** Wait for a reader of a pipe that somebody has set not to block, in milliseconds. */
const FULL_PIPE_MS = 5;

/** Events as lines of a file or of stdout. What they would be on Kafka besides, keys and partitions, is not written. */
export class NdjsonTarget implements RunTarget {
  readonly topic = null;
  readonly publisher: EventPublisher;

  private constructor(
    private readonly fd: number,
    private readonly partitions: number,
  ) {
    this.publisher = new LinePublisher(fd);
  }

  /**
   * @param path `-` is stdout
   * @param partitions how many the answer is to assume
   * @throws StartupError
   */
  static async open(path: string, partitions: number): Promise<NdjsonTarget> {
    if (path === '-') return new NdjsonTarget(STDOUT, partitions);
    try {
      return new NdjsonTarget(await open(path, 'w'), partitions);
    } catch (cause) {
      throw new StartupError(`--output cannot be written: ${(cause as Error).message}`, { cause });
    }
  }

  prepare(): Promise<Ends> {
    return this.ends();
  }

  ends(): Promise<Ends> {
    return Promise.resolve(new Map(Array.from({ length: this.partitions }, (_, index) => [index, 0n])));
  }

  doubt(): Promise<null> {
    return Promise.resolve(null);
  }

  async close(): Promise<void> {
    if (this.fd !== STDOUT) await close(this.fd);
  }
}

/**
 * Writes by the descriptor: process.stdout would block this thread while a pipe is full, and Ctrl-C with it, or else keep
 * in memory what the reader has not taken yet.
 */
class LinePublisher extends EventPublisher {
  constructor(private readonly fd: number) {
    super();
  }

  async publish(events: readonly OutgoingEvent[]): Promise<void> {
    const bytes = linesOf(events);
    for (let at = 0; at < bytes.length;) {
      try {
        at += (await write(this.fd, bytes, at, bytes.length - at, null)).bytesWritten;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await delay(FULL_PIPE_MS);
      }
    }
  }
}

function linesOf(events: readonly OutgoingEvent[]): Buffer {
  const bytes = Buffer.allocUnsafe(events.reduce((sum, { value }) => sum + (value?.length ?? 0) + 1, 0));
  let at = 0;
  for (const { value } of events) {
    if (value) at += value.copy(bytes, at);
    bytes[at++] = LINE_FEED;
  }
  return bytes;
}
