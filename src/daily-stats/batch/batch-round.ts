import { Injectable, Logger } from '@nestjs/common';
import { BatchMonitor } from './batch-monitor.js';
import { BatchPlanner } from './batch-planner.js';
import { BatchWorker } from './batch-worker.js';

/** One round of the batch: plan what is to be done, have it done, look at what is still owed. */
@Injectable()
export class BatchRound {
  private readonly logger = new Logger('Batch');
  private readonly busy = new Set<string>();
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

  private async run(kind: string, plan: () => Promise<void>): Promise<void> {
    // While the database is slow, rounds must not pile up.
    if (this.busy.has(kind)) return;
    this.busy.add(kind);
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
    } finally {
      this.busy.delete(kind);
    }
  }
}
