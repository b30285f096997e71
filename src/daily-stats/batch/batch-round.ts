import { Injectable, Logger } from '@nestjs/common';
import { BatchMonitor } from './batch-monitor.js';
import { BatchPlanner } from './batch-planner.js';
import { BatchWorker } from './batch-worker.js';

/** One round of the batch: plan what is to be done, have it done, look at what is still owed. */
@Injectable()
export class BatchRound {
  private readonly logger = new Logger('Batch');
  private readonly underWay = new Map<string, Promise<void>>();
  private failing = false;

  constructor(
    private readonly planner: BatchPlanner,
    private readonly worker: BatchWorker,
    private readonly monitor: BatchMonitor,
  ) {}

  /** When DAILY_BATCH_CRON fires. */
  async scheduled(): Promise<void> {
    await this.run('scheduled', () => this.planner.planScheduled());
  }

  /** In between, every few seconds. */
  async regular(): Promise<void> {
    await this.run('regular', () => this.planner.planMissedAndStale());
  }

  /** Has the worker look at the queue at once. */
  hurry(): void {
    void this.worker.wake();
  }

  /** Resolves when the day in hand is built. */
  async stop(): Promise<void> {
    await this.worker.stop();
  }

  /** While the database is slow, rounds must not pile up: whoever comes meanwhile joins the one under way. */
  private run(kind: string, plan: () => Promise<void>): Promise<void> {
    let round = this.underWay.get(kind);
    if (!round) {
      round = this.runNow(plan).finally(() => this.underWay.delete(kind));
      this.underWay.set(kind, round);
    }
    return round;
  }

  private async runNow(plan: () => Promise<void>): Promise<void> {
    try {
      if (!(await this.planner.isPaused())) {
        await plan();
        // Not awaited: a long catch-up must not keep the next round from planning what is more urgent.
        this.hurry();
      }
      await this.monitor.look();
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.logger.warn(`The batch cannot plan now, it will try again: ${(error as Error).message}`);
      this.failing = true;
    }
  }
}
