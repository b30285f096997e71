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
import { ReplayJobsRepository } from './replay-jobs.repository.js';
import { ReplayRunner } from './replay-runner.js';

/** Longest time between two looks for jobs that another replica has opened. */
const LOOK_MS = 500;
/** After a failure of the database. */
const RETRY_MS = 2_000;

/** Works on open jobs in every replica; dry runs, which take long at a time, beside the others. */
@Injectable()
export class ReplayWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Replay');
  private readonly stopping = new AbortController();
  private lanes: Promise<unknown> = Promise.resolve();
  private failing = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly database: DatabaseService,
    private readonly jobs: ReplayJobsRepository,
    private readonly runner: ReplayRunner,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => {
      this.lanes = Promise.all([this.work(false), this.work(true)]);
    });
  }

  /** Resolves when the chunks in hand are stored. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.lanes;
  }

  private async work(dryRun: boolean): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const waitMs = await this.takeTurn(dryRun);
      if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A chunk of each job that is due. @returns how long to wait then */
  private async takeTurn(dryRun: boolean): Promise<number> {
    try {
      let waitMs = LOOK_MS;
      for (const { id, dueInMs } of await this.jobs.open(dryRun)) {
        const moved = dueInMs <= 0 && !this.stopping.signal.aborted && (await this.takeChunk(id, dryRun));
        waitMs = Math.min(waitMs, moved ? 0 : dueInMs || LOOK_MS);
      }
      this.failing = false;
      return waitMs;
    } catch (error) {
      if (!this.failing)
        this.logger.warn(`Replays cannot go on now, trying again: ${(error as Error).message}`);
      this.failing = true;
      return RETRY_MS;
    }
  }

  private async takeChunk(id: string, dryRun: boolean): Promise<boolean> {
    try {
      return await (dryRun ? this.runner.preview(id) : this.runner.applyChunk(id));
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      // Trying the same chunk for ever would help nobody; what was stored before it stays.
      this.logger.error(`Replay ${id} has failed`, (error as Error).stack);
      await this.jobs.end(this.dataSource.manager, id, 'failed', (error as Error).message.slice(0, 1000));
      return true;
    }
  }
}
