import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { CONFIG, type Config } from '../../config/config.js';
import { DatabaseService } from '../../database/database.service.js';
import { BatchRound } from './batch-round.js';

/** Longest time between two rounds. */
const ROUND_MS = 30_000;
const CRON = 'daily-batch';
const ROUNDS = 'batch-rounds';

/** When the batch does something by itself, in every replica. */
@Injectable()
export class BatchScheduler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stopped = false;

  constructor(
    private readonly registry: SchedulerRegistry,
    private readonly round: BatchRound,
    private readonly database: DatabaseService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => {
      if (!this.stopped) this.start();
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.registry.doesExist('cron', CRON)) this.registry.deleteCronJob(CRON);
    if (this.registry.doesExist('interval', ROUNDS)) this.registry.deleteInterval(ROUNDS);
    await this.round.stop();
  }

  private start(): void {
    // What @Cron does, but with an expression that is known only when the configuration is.
    const job = CronJob.from({
      cronTime: this.config.DAILY_BATCH_CRON,
      timeZone: 'UTC',
      onTick: () => this.round.scheduled(),
    });
    this.registry.addCronJob(CRON, job);
    job.start();
    const { STALE_REBUILD_DELAY, BATCH_RETRY_DELAY } = this.config;
    const period = Math.min(ROUND_MS, STALE_REBUILD_DELAY / 4, BATCH_RETRY_DELAY);
    this.registry.addInterval(
      ROUNDS,
      setInterval(() => void this.round.regular(), period),
    );
    void this.round.regular();
  }
}
