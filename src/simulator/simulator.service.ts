import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { randomInt } from 'node:crypto';
import { CONFIG, simulatesAtBoot, type Config } from '../config/config.js';
import { DatabaseService } from '../database/database.service.js';
import { ProblemError } from '../http/problem.js';
import { EventPublisher } from '../transport/event-publisher.js';
import { SimulatorRun } from './simulator-run.js';
import type { Run, SimulatorState, StartRun } from './simulator.schemas.js';

/** Runs the simulator, at most one run at a time; knows the current run, or the last one. */
@Injectable()
export class SimulatorService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(SimulatorService.name);
  private run: SimulatorRun | null = null;
  private closing = false;

  constructor(
    private readonly publisher: EventPublisher,
    private readonly database: DatabaseService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    // Not before the log's tables are there.
    if (simulatesAtBoot(this.config)) void this.database.whenReady().then(this.startAtBoot.bind(this));
  }

  private startAtBoot(): void {
    if (this.closing || this.run?.isRunning()) return;
    const run = this.begin({ eventsPerSecond: this.config.SIMULATOR_AUTOSTART_RATE, invalidRate: 0 });
    this.logger.log(
      `Simulator started with the service: ${this.config.SIMULATOR_AUTOSTART_RATE} events/s, seed ${run.seed} ` +
        '(SIMULATOR_AUTOSTART=false turns it off)',
    );
  }

  /** The log closes after this hook, in onApplicationShutdown: what was generated still gets through. */
  async beforeApplicationShutdown(): Promise<void> {
    this.closing = true;
    await this.run?.stop();
  }

  /** @throws ProblemError simulator_running */
  start(request: StartRun): Run {
    if (this.closing) throw new ProblemError('log_unavailable', 'The service is being stopped.');
    if (this.run?.isRunning()) {
      throw new ProblemError('simulator_running', 'Stop the current run first: POST /simulator/stop.');
    }
    const run = this.begin(request);
    this.logger.log(`Simulator run ${run.id} started: ${request.eventsPerSecond} events/s, seed ${run.seed}`);
    return run;
  }

  /**
   * Waits until the batch in flight is through.
   * @throws ProblemError simulator_not_running
   */
  async stop(): Promise<Run> {
    const { run } = this;
    if (!run?.isRunning()) {
      throw new ProblemError('simulator_not_running', 'Start a run first: POST /simulator/start.');
    }
    await run.stop();
    return run.view();
  }

  state(): SimulatorState {
    return { status: this.run?.isRunning() ? 'running' : 'idle', run: this.run?.view() ?? null };
  }

  private begin(request: StartRun): Run {
    const { seed = randomInt(2 ** 32), eventsPerSecond, invalidRate } = request;
    const { totalEvents = null, durationSeconds = null } = request;
    const parameters = { eventsPerSecond, totalEvents, durationSeconds, invalidRate };
    this.run = new SimulatorRun({ seed, parameters }, this.publisher);
    return this.run.view();
  }
}
