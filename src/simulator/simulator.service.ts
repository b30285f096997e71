import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CONFIG, simulatesAtBoot, type Config } from '../config/config.js';
import { DatabaseService } from '../database/database.service.js';
import { SessionLock } from '../database/session-lock.js';
import { ProblemError } from '../http/problem.js';
import { EventPublisher } from '../transport/event-publisher.js';
import { AnswerKeysService } from './answer-keys.service.js';
import { runParameters } from './core/run-parameters.js';
import { SimulatorRun } from './simulator-run.js';
import { SIMULATOR_LOCK, SimulatorRunsRepository, type RunRequest } from './simulator-runs.repository.js';
import { startRunSchema, type Run, type SimulatorState, type StartRun } from './simulator.schemas.js';

/** How often a run is stored, and another replica's wishes are heard. */
const SAVE_MS = 500;
/** How long another replica may take to do what is wished. */
const PATIENCE_MS = 15_000;
const LOOK_MS = 100;
const MOST_LOOKS = 10;

/** The run of this process. */
interface Current {
  readonly id: string;
  readonly run: SimulatorRun;
  /** Resolves when its end is stored. */
  readonly stored: Promise<void>;
}

/** Runs the simulator: one run at a time over all replicas, which can be steered from each of them. */
@Injectable()
export class SimulatorService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(SimulatorService.name);
  private readonly lock: SessionLock;
  private current: Current | null = null;
  private closing = false;

  constructor(
    private readonly publisher: EventPublisher,
    private readonly runs: SimulatorRunsRepository,
    private readonly keys: AnswerKeysService,
    private readonly database: DatabaseService,
    @InjectDataSource() dataSource: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.lock = new SessionLock(dataSource, SIMULATOR_LOCK);
  }

  onApplicationBootstrap(): void {
    // Not before the log's tables are there.
    if (simulatesAtBoot(this.config)) void this.database.whenReady().then(() => this.startAtBoot());
  }

  /** The log closes after this hook, in onApplicationShutdown: what was generated still gets through. */
  async beforeApplicationShutdown(): Promise<void> {
    this.closing = true;
    await this.current?.run.stop();
    await this.current?.stored;
  }

  /** @throws ProblemError simulator_running */
  async start(request: StartRun): Promise<Run> {
    if (this.closing) throw new ProblemError('log_unavailable', 'The service is being stopped.');
    await this.runs.sweep();
    // It has ended, which anyone may have seen, but that is not stored yet.
    if (this.current && !this.current.run.isOpen()) await this.current.stored;
    if (this.current || !(await this.claim()))
      throw new ProblemError('simulator_running', 'Stop the current run first: POST /simulator/stop.');
    try {
      return await this.begin(request);
    } catch (error) {
      await this.lock.release();
      throw error;
    }
  }

  /** Resolves when the batch in flight is through. @throws ProblemError simulator_not_running */
  stop(): Promise<Run> {
    return this.steer('stop', (run) => !isOpen(run));
  }

  /** @throws ProblemError simulator_not_running */
  pause(): Promise<Run> {
    return this.steer('pause', ({ status }) => status !== 'running');
  }

  /** @throws ProblemError simulator_not_running */
  resume(): Promise<Run> {
    return this.steer('resume', ({ status }) => status !== 'paused');
  }

  async state(): Promise<SimulatorState> {
    const run = await this.latest();
    return { status: run && isOpen(run) ? run.status : 'idle', run };
  }

  async one(id: string): Promise<Run | null> {
    const { current } = this;
    const run = await this.runs.one(id);
    if (current?.id !== id || current.run.isOpen()) return run && live(run, current);
    // Whoever sees its end may ask for its answer, which is stored before that.
    await Promise.race([current.stored, delay(PATIENCE_MS, undefined, { ref: false })]);
    return this.runs.one(id);
  }

  /** @returns false when another process has a run */
  private async claim(): Promise<boolean> {
    for (let looks = 1; !(await this.lock.acquire()); looks++) {
      const last = await this.runs.latest();
      // Without a run whoever has the lock gives it back in a moment: a run has ended, or somebody looks for dead ones.
      if ((last && isOpen(last)) || looks === MOST_LOOKS) return false;
      await delay(LOOK_MS);
    }
    return true;
  }

  private async startAtBoot(): Promise<void> {
    const eventsPerSecond = this.config.SIMULATOR_AUTOSTART_RATE;
    try {
      const run = await this.start(startRunSchema.parse({ eventsPerSecond }));
      this.logger.log(
        `Simulator started with the service: ${eventsPerSecond} events/s, seed ${run.seed} (SIMULATOR_AUTOSTART=false turns it off)`,
      );
    } catch (error) {
      if (!this.closing) this.logger.warn(`The simulator was not started: ${(error as Error).message}`);
    }
  }

  private async begin({ seed = randomInt(2 ** 32), ...request }: StartRun): Promise<Run> {
    const parameters = runParameters(request, Date.now());
    const { run, earlierRuns } = await this.runs.open(seed, parameters, `${hostname()}:${process.pid}`);
    // The pipeline would take the same ids for repeats.
    const traffic = { seed, idVariant: earlierRuns };
    const current = new SimulatorRun(run.id, parameters, {
      publisher: this.publisher,
      ends: () => this.keys.ends(),
      open: (signal) => this.keys.open(run.id, traffic, parameters, signal),
    });
    this.current = { id: run.id, run: current, stored: this.keep(run.id, current) };
    this.logger.log(`Simulator run ${run.id} started: ${parameters.eventsPerSecond} events/s, seed ${seed}`);
    return run;
  }

  /** Stores the run every now and then, and its end at last. */
  private async keep(id: string, run: SimulatorRun): Promise<void> {
    for (;;) {
      const open = run.isOpen();
      const stored = await this.save(id, run);
      // Without the database a run goes on, and its end waits for it, unless the service is being stopped.
      if (!open && (stored || this.closing)) break;
      await Promise.race([...(open ? [run.ended] : []), delay(SAVE_MS)]);
    }
    this.current = null;
    await this.lock.release();
  }

  /** @returns whether it could be stored */
  private async save(id: string, run: SimulatorRun): Promise<boolean> {
    try {
      // It goes with its connection.
      if (!this.lock.isHeld()) await this.lock.acquire();
      // Before its end: whoever sees that can ask for the result.
      if (!run.isOpen()) await this.keys.finish(id, run.result());
      const request = await this.runs.save(id, run.progress());
      if (request) obey(run, request);
      return true;
    } catch (error) {
      this.logger.debug(`Simulator run ${id} cannot be stored now: ${(error as Error).message}`);
      return false;
    }
  }

  private async steer(request: RunRequest, isDone: (run: Run) => boolean): Promise<Run> {
    const { current } = this;
    const open = await this.latest();
    if (!open || !isOpen(open))
      throw new ProblemError('simulator_not_running', 'Start a run first: POST /simulator/start.');
    if (current?.id === open.id) {
      obey(current.run, request);
      if (request === 'stop') await current.stored;
      else await this.save(open.id, current.run);
    } else await this.runs.request(open.id, request);
    return this.settled(open.id, isDone);
  }

  /** Waits until the replica that has the run has done what was wished. */
  private async settled(id: string, isDone: (run: Run) => boolean): Promise<Run> {
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      const run = await this.one(id);
      if (!run) throw new ProblemError('not_found', `There is no run ${id}.`);
      if (isDone(run) || Date.now() > deadline) return run;
      await delay(LOOK_MS);
    }
  }

  private async latest(): Promise<Run | null> {
    const { current } = this;
    if (!current) await this.runs.sweep();
    const run = await this.runs.latest();
    return run && live(run, current);
  }
}

/**
 * A stored run as this process knows it, where it is its own.
 * @param current the run of this process before the stored one was read: meanwhile it may have ended, which that does not show
 */
function live(run: Run, current: Current | null): Run {
  if (current?.id !== run.id) return run;
  const { lastError, finishedAt, ...progress } = current.run.progress();
  return {
    ...run,
    ...progress,
    lastError: lastError && { at: lastError.at.toISOString(), message: lastError.message },
    finishedAt: finishedAt?.toISOString() ?? null,
  };
}

const isOpen = (run: Run): run is Run & { status: 'running' | 'paused' } =>
  run.status === 'running' || run.status === 'paused';

function obey(run: SimulatorRun, request: RunRequest): void {
  switch (request) {
    case 'stop':
      void run.stop();
      break;
    case 'pause':
      run.pause();
      break;
    case 'resume':
      run.resume();
  }
}
