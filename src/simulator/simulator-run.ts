import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { PublishError, type EventPublisher } from '../transport/event-publisher.js';
import type { Answer } from './core/answer-key.js';
import { LogEnd, type Ends } from './core/log-end.js';
import type { PartitionedEvent } from './core/packed-events.js';
import { RateMeter } from './core/rate-meter.js';
import { RunClock } from './core/run-clock.js';
import type { RunParameters, RunStatus } from './simulator.schemas.js';
import type { TrafficFeed } from './traffic-feed.js';

/** Events published at once; while the log is slow, no more are generated than some thousands beyond them. */
const MAX_BATCH = 5000;
/** Shortest wait for events to become due, in milliseconds: at high rates they go out some hundred at a time. */
const TICK = 20;
/** What adding up a million distances of two events may be off by, in milliseconds: the last one is due in time. */
const ROUNDING = 0.001;
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

/** A run that is ready to send. */
export interface OpenRun {
  readonly feed: TrafficFeed;
  /** Where each partition of the log ends. */
  readonly ends: Ends;
  /** Why its answer cannot be told; null when it can. */
  readonly doubt: string | null;
}

/** What a run needs of the world. */
export interface RunSurroundings {
  readonly publisher: EventPublisher;
  /** False: everything is due at once; the events have the times that they would have otherwise. */
  readonly paced?: boolean;
  /** Where each partition of the log ends now. @throws PublishError when it cannot be asked */
  ends(): Promise<Ends>;
  /** @throws PublishError when the log cannot be asked */
  open(signal: AbortSignal): Promise<OpenRun>;
}

/** What the pipeline must have made of the run and where the log must end after it, or why that is not known. */
export type RunResult = { readonly answer: Answer; readonly ends: Ends } | { readonly doubt: string };

/**
 * One run of the simulator, from its start to its end: publishes what is due, one batch at a time. After a failure the end of
 * the log tells what it has taken; where others write to it too, a batch whose fate is unknown is published again.
 */
export class SimulatorRun {
  /** Resolves at the end of the run, whatever the end. */
  readonly ended: Promise<void>;
  private readonly logger = new Logger(SimulatorRun.name);
  private readonly stopping = new AbortController();
  private clock = new RunClock(Date.now());
  private meter: RateMeter;
  private status: RunStatus = 'running';
  /** Cuts a pause, or a wait, short. */
  private waiting = new AbortController();
  private sent = 0;
  private lastError: RunProgress['lastError'] = null;
  private finishedAt: Date | null = null;
  /** Mean of the whole run, once it has ended. */
  private mean = 0;
  private outcome: RunResult | null = null;

  constructor(
    private readonly id: string,
    private readonly parameters: RunParameters,
    private readonly surroundings: RunSurroundings,
  ) {
    this.meter = this.newMeter();
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

  /** Of a run that has ended; null where it does not know what the log has taken. */
  result(): RunResult | null {
    return this.outcome;
  }

  private async run(): Promise<void> {
    let end: RunStatus;
    try {
      end = await this.work();
    } catch (error) {
      end = 'failed';
      this.noteError(error instanceof PublishError ? error.message : 'An internal error; see the log.');
      this.logger.error(`Simulator run ${this.id} failed`, error);
    }
    this.finishedAt = new Date();
    this.status = end;
    this.logger.log(`Simulator run ${this.id} ${end}: ${this.sent} events, ${this.mean.toFixed(1)}/s`);
  }

  private async work(): Promise<RunStatus> {
    const run = await this.reach(() => this.surroundings.open(this.stopping.signal));
    if (!run) return 'stopped';
    const { feed } = run;
    try {
      await feed.nextDue();
      this.begin();
      const log = new LogEnd(run.ends);
      // What the answer takes afterwards is no time of the run.
      const end = await this.send(feed, log).finally(() => {
        this.mean = this.meter.mean(performance.now());
      });
      if (end !== 'unknown') this.outcome = await resultOf(run, log);
      return end === 'unknown' ? 'stopped' : end;
    } finally {
      await feed.close();
    }
  }

  /** What the preparations have taken is no time of the run. */
  private begin(): void {
    this.clock = new RunClock(Date.now());
    if (this.status === 'paused') this.clock.pause(Date.now());
    this.meter = this.newMeter();
  }

  private newMeter(): RateMeter {
    const window = Math.max(RATE_WINDOW, (RATE_WINDOW_EVENTS * 1000) / this.parameters.eventsPerSecond);
    return new RateMeter(performance.now(), window);
  }

  /** @returns `unknown` when the run was stopped before it was known what the log has taken */
  private async send(feed: TrafficFeed, log: LogEnd): Promise<'finished' | 'stopped' | 'unknown'> {
    const total = this.parameters.totalEvents ?? Number.POSITIVE_INFINITY;
    const duration = (this.parameters.durationSeconds ?? Number.POSITIVE_INFINITY) * 1000 + ROUNDING;
    while (!this.stopping.signal.aborted) {
      const dueAt = await feed.nextDue();
      if (this.sent >= total || dueAt > duration) {
        // A run of some seconds lasts them to the end, also when nothing is due any more.
        const left = this.sent >= total ? 0 : duration - this.elapsed(dueAt);
        if (left <= 0) return 'finished';
        await this.wait(Math.min(left, LONGEST_WAIT));
        continue;
      }
      const elapsed = Math.min(this.elapsed(dueAt), duration);
      if (this.status === 'paused') await this.wait(LONGEST_WAIT);
      else if (dueAt > elapsed) await this.wait(Math.min(Math.max(dueAt - elapsed, TICK), LONGEST_WAIT));
      else {
        const batch = feed.due(elapsed, Math.min(MAX_BATCH, total - this.sent));
        if (!(await this.publish(batch, log))) return 'unknown';
        feed.sent(batch.length);
      }
    }
    return 'stopped';
  }

  /** @param due when the next event is due; both in milliseconds since the start of the run */
  private elapsed(due: number): number {
    if (this.surroundings.paced === false) return Number.POSITIVE_INFINITY;
    return this.clock.elapsed(Date.now(), due);
  }

  /** @returns false when the run was stopped before the log took the batch */
  private async publish(batch: readonly PartitionedEvent[], log: LogEnd): Promise<boolean> {
    let left = batch;
    let failed = false;
    const through = await this.reach(async () => {
      if (failed) left = log.missing(batch, await this.surroundings.ends());
      failed = true;
      await this.surroundings.publisher.publish(left);
      return true;
    });
    if (!through) return false;
    log.advance(batch);
    this.sent += batch.length;
    this.meter.record(performance.now(), this.sent);
    return true;
  }

  /**
   * Tries until the log is there.
   * @returns null when the run was stopped before
   * @throws what is no sign of a log that is away
   */
  private async reach<T>(attempt: () => Promise<T>): Promise<T | null> {
    for (let pause = FIRST_RETRY; ; pause = Math.min(pause * 2, LONGEST_RETRY)) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof PublishError && error.reason === 'unavailable')) throw error;
        this.noteError(error.message);
        if (pause === FIRST_RETRY)
          this.logger.warn(`Simulator run ${this.id} waits for the log: ${error.message}`);
      }
      await this.wait(pause);
      if (this.stopping.signal.aborted) return null;
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

async function resultOf({ feed, doubt }: OpenRun, { ends }: LogEnd): Promise<RunResult> {
  if (doubt !== null) return { doubt };
  const answer = await feed.answer();
  return answer.doubt === null ? { answer, ends } : { doubt: answer.doubt };
}
