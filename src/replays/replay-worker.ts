import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DatabaseService } from '../database/database.service.js';
import { isDatabaseUnavailable } from '../http/database-unavailable.js';
import { ProblemError } from '../http/problem.js';
import { LogReplayRunner } from './log/log-replay-runner.js';
import { ReplayJobsRepository, type Lane } from './replay-jobs.repository.js';
import { ReplayRunner } from './replay-runner.js';

/** The error itself is for the log: it may hold statements. */
const UNEXPECTED = 'internal_error: the job could not go on; see the log of the service.';

/** Longest time between two looks for jobs that another replica has opened. */
const LOOK_MS = 500;
/** After a failure of the database. */
const RETRY_MS = 2_000;

/** Works on open jobs in every replica, a lane beside the other. */
@Injectable()
export class ReplayWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Replay');
  private readonly stopping = new AbortController();
  private readonly lanes = new Map<Lane, Promise<void>>();
  private watching: Promise<void> = Promise.resolve();
  private failing = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly database: DatabaseService,
    private readonly jobs: ReplayJobsRepository,
    private readonly runner: ReplayRunner,
    private readonly logRunner: LogReplayRunner,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => {
      this.watching = this.watch();
    });
  }

  /** Resolves when the chunks in hand are stored. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.watching;
    await Promise.all(this.lanes.values());
  }

  /** Opens a lane where there are jobs; while there are none, its look is all that is asked of the database. */
  private async watch(): Promise<void> {
    await this.repeat(async () => {
      for (const lane of await this.jobs.lanesOpen()) {
        if (this.lanes.has(lane)) continue;
        const done = this.repeat(() => this.takeTurn(lane)).finally(() => this.lanes.delete(lane));
        this.lanes.set(lane, done);
      }
      return LOOK_MS;
    });
  }

  /** A chunk of each job that is due. @returns how long to wait then; null when no job is open */
  private async takeTurn(lane: Lane): Promise<number | null> {
    const jobs = await this.jobs.open(lane);
    if (jobs.length === 0) return null;
    let waitMs = LOOK_MS;
    for (const { id, dueInMs } of jobs) {
      const moved = dueInMs <= 0 && !this.stopping.signal.aborted && (await this.takeChunk(id, lane));
      waitMs = Math.min(waitMs, moved ? 0 : dueInMs || LOOK_MS);
    }
    return waitMs;
  }

  /** @param turn milliseconds to wait after it; null to end */
  private async repeat(turn: () => Promise<number | null>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const waitMs = await this.attempt(turn);
      if (waitMs === null) return;
      if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async attempt(turn: () => Promise<number | null>): Promise<number | null> {
    try {
      const waitMs = await turn();
      this.failing = false;
      return waitMs;
    } catch (error) {
      if (!this.failing)
        this.logger.warn(`Replays cannot go on now, trying again: ${(error as Error).message}`);
      this.failing = true;
      return RETRY_MS;
    }
  }

  private async takeChunk(id: string, lane: Lane): Promise<boolean> {
    try {
      switch (lane) {
        case 'anomalies':
          return await this.runner.applyChunk(id);
        case 'preview':
          return await this.runner.preview(id);
        case 'log':
          return await this.logRunner.run(id, this.stopping.signal);
      }
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      // Trying the same chunk for ever would help nobody; what was stored before it stays.
      const problem = error instanceof ProblemError ? `${error.code}: ${error.detail}` : null;
      if (problem === null) this.logger.error(`Replay ${id} has failed`, (error as Error).stack);
      await this.jobs.end(this.dataSource.manager, id, 'failed', problem ?? UNEXPECTED);
      return true;
    }
  }
}
