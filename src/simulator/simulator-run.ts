import { Logger } from '@nestjs/common';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { PublishError, type EventPublisher } from '../transport/event-publisher.js';
import { RateMeter } from './core/rate-meter.js';
import { RunClock } from './core/run-clock.js';
import type { SentEvent, Traffic } from './core/traffic.js';
import type { RunParameters, RunStatus } from './simulator.schemas.js';

/** Events published at once, and the most that are ever in memory: while the log is slow, no more are generated. */
const MAX_BATCH = 5000;
/** Events generated between two turns of the event loop: 2 ms of work. */
const CHUNK = 500;
/** Shortest wait for events to become due, in milliseconds: at high rates they go out some hundred at a time. */
const TICK = 20;
/** Longest wait without a look at the clock, which may have been set. */
const LONGEST_WAIT = 1000;
/** Waits between attempts to publish a batch to a log that is not available, doubling, in milliseconds. */
const FIRST_RETRY = 100;
const LONGEST_RETRY = 5000;
/** The real rate is measured over this many milliseconds, or over this many expected events when that is longer. */
const RATE_WINDOW = 10_000;
const RATE_WINDOW_EVENTS = 20;

/** What a run comes to so far. */
export interface RunProgress {
  readonly status: RunStatus;
  readonly sent: number;
  /** Measured. */
  readonly eventsPerSecond: number;
  readonly lastError: { readonly at: Date; readonly message: string } | null;
  /** Null while it is open. */
  readonly finishedAt: Date | null;
}

/**
 * One run of the simulator, from its start to its end: generates what is due and publishes it, one batch at a time.
 * Delivery is at least once: a batch whose fate is unknown is published again.
 */
export class SimulatorRun {
  /** Resolves at the end of the run, whatever the end. */
  readonly ended: Promise<void>;
  private readonly logger = new Logger(SimulatorRun.name);
  private readonly stopping = new AbortController();
  private readonly clock = new RunClock(Date.now());
  private readonly meter: RateMeter;
  private status: RunStatus = 'running';
  /** Cuts a pause, or a wait, short. */
  private waiting = new AbortController();
  private sent = 0;
  private lastError: RunProgress['lastError'] = null;
  private finishedAt: Date | null = null;
  /** Mean of the whole run, once it has ended. */
  private mean = 0;

  constructor(
    private readonly id: string,
    private readonly parameters: RunParameters,
    private readonly traffic: Promise<Traffic>,
    private readonly publisher: EventPublisher,
  ) {
    const window = Math.max(RATE_WINDOW, (RATE_WINDOW_EVENTS * 1000) / parameters.eventsPerSecond);
    this.meter = new RateMeter(performance.now(), window);
    this.ended = this.run();
  }

  /** Ends the run; resolves when the batch in flight, if any, is through or given up. */
  stop(): Promise<void> {
    this.stopping.abort();
    this.waiting.abort();
    return this.ended;
  }

  /** What is due in a pause is not made up for: the time of the run stands still. */
  pause(): void {
    if (this.status !== 'running') return;
    this.clock.pause(Date.now());
    this.status = 'paused';
  }

  resume(): void {
    if (this.status !== 'paused') return;
    this.clock.resume(Date.now());
    this.status = 'running';
    this.waiting.abort();
  }

  isOpen(): boolean {
    return this.status === 'running' || this.status === 'paused';
  }

  progress(): RunProgress {
    const rate = this.isOpen() ? this.meter.rate(performance.now()) : this.mean;
    return {
      status: this.status,
      sent: this.sent,
      eventsPerSecond: Math.round(rate * 100) / 100,
      lastError: this.lastError,
      finishedAt: this.finishedAt,
    };
  }

  private async run(): Promise<void> {
    let end: RunStatus;
    try {
      end = await this.work(await this.traffic);
    } catch (error) {
      end = 'failed';
      this.noteError(error instanceof PublishError ? error.message : 'An internal error; see the log.');
      this.logger.error(`Simulator run ${this.id} failed`, error);
    }
    this.mean = this.meter.mean(performance.now());
    this.finishedAt = new Date();
    this.status = end;
    this.logger.log(`Simulator run ${this.id} ${end}: ${this.sent} events, ${this.mean.toFixed(1)}/s`);
  }

  private async work(traffic: Traffic): Promise<RunStatus> {
    const total = this.parameters.totalEvents ?? Number.POSITIVE_INFINITY;
    const duration = (this.parameters.durationSeconds ?? Number.POSITIVE_INFINITY) * 1000;
    let next = traffic.next();
    while (!this.stopping.signal.aborted) {
      if (this.sent >= total || next.dueAt > duration) {
        // A run of some seconds lasts them to the end, also when nothing is due any more.
        const left = this.sent >= total ? 0 : duration - this.clock.elapsed(Date.now(), next.dueAt);
        if (left <= 0) return 'finished';
        await this.wait(Math.min(left, LONGEST_WAIT));
        continue;
      }
      const elapsed = Math.min(this.clock.elapsed(Date.now(), next.dueAt), duration);
      if (next.dueAt > elapsed || this.status === 'paused') {
        await this.wait(
          this.status === 'paused'
            ? LONGEST_WAIT
            : Math.min(Math.max(next.dueAt - elapsed, TICK), LONGEST_WAIT),
        );
        continue;
      }
      const batch: SentEvent[] = [];
      const most = Math.min(MAX_BATCH, total - this.sent);
      while (next.dueAt <= elapsed && batch.length < most) {
        batch.push(next);
        next = traffic.next();
        // Timers and sockets get their turn, also when the log answers at once and the run has to catch up.
        if (batch.length % CHUNK === 0) await nextTurn();
      }
      if (!(await this.publish(batch))) break;
    }
    return 'stopped';
  }

  /** @returns false when the run was stopped before the log took the batch */
  private async publish(batch: readonly SentEvent[]): Promise<boolean> {
    for (let pause = FIRST_RETRY; ; pause = Math.min(pause * 2, LONGEST_RETRY)) {
      try {
        await this.publisher.publish(batch);
        this.sent += batch.length;
        this.meter.record(performance.now(), this.sent);
        return true;
      } catch (error) {
        if (!(error instanceof PublishError && error.reason === 'unavailable')) throw error;
        this.noteError(error.message);
        if (pause === FIRST_RETRY)
          this.logger.warn(`Simulator run ${this.id} waits for the log: ${error.message}`);
      }
      await this.wait(pause);
      if (this.stopping.signal.aborted) return false;
    }
  }

  private noteError(message: string): void {
    this.lastError = { at: new Date(), message };
  }

  /** Waits this many milliseconds, or until the run is stopped or resumed. */
  private async wait(milliseconds: number): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.waiting = new AbortController();
    const { signal } = this.waiting;
    await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
