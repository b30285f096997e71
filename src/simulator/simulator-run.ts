import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { PublishError, type EventPublisher, type OutgoingEvent } from '../transport/event-publisher.js';
import type { EventGenerator } from './core/event-generator.js';
import { Pacer } from './core/pacer.js';
import { RateMeter } from './core/rate-meter.js';
import type { Run, RunStatus } from './simulator.schemas.js';

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

export type RunSettings = Pick<Run, 'seed' | 'parameters'>;

/**
 * One run of the simulator, from its start to its end: generates what is due and publishes it, one batch at a time.
 * Delivery is at least once: a batch whose fate is unknown is published again.
 */
export class SimulatorRun {
  /** Resolves at the end of the run, whatever the end. */
  readonly ended: Promise<void>;
  private readonly logger = new Logger(SimulatorRun.name);
  private readonly id = randomUUID();
  private readonly startedAt = new Date();
  private readonly stopping = new AbortController();
  private status: RunStatus = 'running';
  private sent = 0;
  private lastError: Run['lastError'] = null;
  private finishedAt: Date | null = null;
  /** From the first event on. */
  private meter: RateMeter | null = null;
  /** Mean of the whole run, once it has ended. */
  private mean = 0;

  constructor(
    private readonly settings: RunSettings,
    private readonly publisher: EventPublisher,
  ) {
    this.ended = this.run();
  }

  /** Ends the run; resolves when the batch in flight, if any, is through or given up. */
  stop(): Promise<void> {
    this.stopping.abort();
    return this.ended;
  }

  isRunning(): boolean {
    return this.status === 'running';
  }

  view(): Run {
    const rate = this.isRunning() ? (this.meter?.rate(performance.now()) ?? 0) : this.mean;
    return {
      id: this.id,
      ...this.settings,
      status: this.status,
      sent: this.sent,
      eventsPerSecond: Math.round(rate * 100) / 100,
      lastError: this.lastError,
      startedAt: this.startedAt.toISOString(),
      finishedAt: this.finishedAt?.toISOString() ?? null,
    };
  }

  private async run(): Promise<void> {
    let end: RunStatus;
    try {
      end = await this.work();
    } catch (error) {
      end = 'failed';
      const message = error instanceof PublishError ? error.message : 'An internal error; see the log.';
      this.noteError(message);
      this.logger.error(`Simulator run ${this.id} failed`, error);
    }
    this.mean = this.meter?.mean(performance.now()) ?? 0;
    this.finishedAt = new Date();
    this.status = end;
    this.logger.log(`Simulator run ${this.id} ${end}: ${this.sent} events, ${this.mean.toFixed(1)}/s`);
  }

  private async work(): Promise<RunStatus> {
    const { seed, parameters } = this.settings;
    const generator = await createGenerator(seed, parameters.invalidRate);
    const total = parameters.totalEvents ?? Number.POSITIVE_INFINITY;
    const duration = (parameters.durationSeconds ?? Number.POSITIVE_INFINITY) * 1000;
    const window = Math.max(RATE_WINDOW, (RATE_WINDOW_EVENTS * 1000) / parameters.eventsPerSecond);
    this.meter = new RateMeter(performance.now(), window);
    const pacer = new Pacer(parameters.eventsPerSecond, Date.now(), duration);
    while (!this.stopping.signal.aborted) {
      const now = Date.now();
      const due = Math.min(pacer.due(now), total - this.sent, MAX_BATCH);
      if (due > 0) {
        if (!(await this.publish(await generate(generator, pacer, due)))) break;
      } else if (this.sent >= total || pacer.isOver()) {
        return 'finished';
      } else {
        await this.wait(Math.min(Math.max(pacer.nextAt() - now, TICK), LONGEST_WAIT));
      }
    }
    return 'stopped';
  }

  /** @returns false when the run was stopped before the log took the batch */
  private async publish(batch: readonly OutgoingEvent[]): Promise<boolean> {
    for (let pause = FIRST_RETRY; ; pause = Math.min(pause * 2, LONGEST_RETRY)) {
      try {
        await this.publisher.publish(batch);
        this.sent += batch.length;
        this.meter?.record(performance.now(), this.sent);
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
    this.lastError = { at: new Date().toISOString(), message };
  }

  /** Waits this many milliseconds, or until the run is stopped. */
  private async wait(milliseconds: number): Promise<void> {
    const { signal } = this.stopping;
    await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

/** Faker takes 37 MB and 0.2 s to load, all its locales: only a process that simulates shall pay for it. */
async function createGenerator(seed: number, invalidRate: number): Promise<EventGenerator> {
  const { EventGenerator: Generator } = await import('./core/event-generator.js');
  return new Generator({ seed, invalidRate });
}

async function generate(generator: EventGenerator, pacer: Pacer, count: number): Promise<OutgoingEvent[]> {
  const events: OutgoingEvent[] = [];
  while (events.length < count) {
    events.push(generator.next(Math.floor(pacer.take() * 1000)));
    // Timers and sockets get their turn, also when the log answers at once and the run has to catch up.
    if (events.length % CHUNK === 0 || events.length === count) await nextTurn();
  }
  return events;
}
