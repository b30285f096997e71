import { Worker } from 'node:worker_threads';
import type { Answer, KeyRules } from './core/answer-key.js';
import { unpack, type PackedEvents, type PartitionedEvent } from './core/packed-events.js';
import type { Recovered } from './core/traffic-source.js';
import type { TrafficParameters } from './core/traffic.js';
import { TRAFFIC_WORKER_URL } from './traffic-worker-url.js';

/** What the thread needs to know; see the parameters of Traffic and AnswerKey. */
export interface FeedOptions {
  readonly traffic: TrafficParameters;
  readonly rules: KeyRules;
  /** One for each partition. */
  readonly newest: readonly (number | null)[];
  readonly startedAt: number;
  readonly paced?: boolean;
  /** Nothing is to be sent: only the answer is wanted, for a log that has so many events of each partition. */
  readonly recover?: readonly number[];
}

export type FeedRequest =
  { readonly kind: 'more' } | { readonly kind: 'sent'; readonly count: number } | { readonly kind: 'answer' };

export type FeedReply =
  | { readonly kind: 'events'; readonly events: PackedEvents }
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'recovered'; readonly recovered: Recovered | null };

interface Batch {
  readonly events: readonly PartitionedEvent[];
  readonly dueAt: Float64Array;
  /** Of the next event to be taken. */
  position: number;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A run's traffic, generated in a thread of its own, so that whoever sends it has time for other things. Only so much is made
 * ahead as takes milliseconds to make.
 */
export class TrafficFeed {
  private readonly worker: Worker;
  private readonly batches: Batch[] = [];
  private error: Error | null = null;
  private waitingForEvents: Waiting<void> | null = null;
  private waitingForAnswer: Waiting<Answer> | null = null;

  constructor(options: FeedOptions) {
    this.worker = new Worker(TRAFFIC_WORKER_URL, { workerData: options, name: 'traffic' });
    this.worker.on('message', (reply: FeedReply) => {
      this.take(reply);
    });
    this.worker.on('error', (error) => {
      this.fail(error);
    });
    this.worker.on('exit', (code) => {
      this.fail(new Error(`The thread that generates traffic has ended with code ${code}`));
    });
  }

  /** When the next event is due, in milliseconds since the start of the run; waits for the thread where it must. */
  async nextDue(): Promise<number> {
    for (;;) {
      const due = this.dueNow();
      if (due !== null) return due;
      if (this.error) throw this.error;
      await new Promise<void>((resolve, reject) => {
        this.waitingForEvents = { resolve, reject };
      });
    }
  }

  /** The next events that are due and at hand, at most `most`. */
  due(elapsed: number, most: number): PartitionedEvent[] {
    const taken: PartitionedEvent[] = [];
    for (let batch = this.batches[0]; batch && taken.length < most; batch = this.batches[0]) {
      const { events, dueAt, position: from } = batch;
      const end = Math.min(events.length, from + most - taken.length);
      while (batch.position < end && (dueAt[batch.position] ?? 0) <= elapsed) batch.position++;
      for (const event of events.slice(from, batch.position)) taken.push(event);
      if (batch.position < events.length) break;
      this.batches.shift();
      this.ask({ kind: 'more' });
    }
    return taken;
  }

  /** So many of those taken are in the log, in their order. */
  sent(count: number): void {
    this.ask({ kind: 'sent', count });
  }

  /** What the pipeline must make of those that were sent. */
  answer(): Promise<Answer> {
    if (this.error) return Promise.reject(this.error);
    return new Promise((resolve, reject) => {
      this.waitingForAnswer = { resolve, reject };
      this.ask({ kind: 'answer' });
    });
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private dueNow(): number | null {
    const [batch] = this.batches;
    return batch?.dueAt[batch.position] ?? null;
  }

  private ask(request: FeedRequest): void {
    this.worker.postMessage(request);
  }

  private take(reply: FeedReply): void {
    if (reply.kind === 'answer') {
      this.waitingForAnswer?.resolve(reply.answer);
      return;
    }
    if (reply.kind !== 'events') return;
    this.batches.push({ events: unpack(reply.events), dueAt: reply.events.dueAt, position: 0 });
    this.waitingForEvents?.resolve();
    this.waitingForEvents = null;
  }

  private fail(error: Error): void {
    this.error ??= error;
    this.waitingForEvents?.reject(this.error);
    this.waitingForAnswer?.reject(this.error);
  }
}
