import { Injectable, Logger } from '@nestjs/common';
import { PassedDays } from '../passed-days.js';
import { BatchPlanner } from './batch-planner.js';
import { BatchRunsRepository } from './batch-runs.repository.js';
import { DayBuilder } from './day-builder.js';

/** Takes waiting runs, one at a time, the most urgent first, for as long as there are any. */
@Injectable()
export class BatchWorker {
  private readonly logger = new Logger('Batch');
  private working: Promise<void> | null = null;
  private again = false;
  private stopping = false;
  private failing = false;

  constructor(
    private readonly runs: BatchRunsRepository,
    private readonly builder: DayBuilder,
    private readonly planner: BatchPlanner,
    private readonly passed: PassedDays,
  ) {}

  /** Resolves when no run can be taken any more; never rejects. */
  wake(): Promise<void> {
    this.again = true;
    this.working ??= this.work().finally(() => (this.working = null));
    return this.working;
  }

  /** Resolves when the day in hand is built; no other one is begun. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.working;
  }

  private async work(): Promise<void> {
    try {
      while (this.again && !this.stopping) {
        this.again = false;
        if (await this.takeOne()) this.again = true;
      }
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.logger.warn(`The batch cannot go on now, it will try again: ${(error as Error).message}`);
      this.failing = true;
    }
  }

  /** Looks at the queue anew for each run: something more urgent may have come. @returns false when none could be taken */
  private async takeOne(): Promise<boolean> {
    if (await this.planner.isPaused()) return false;
    const passed = await this.passed.before();
    if (passed === null) return false;
    for (const run of await this.runs.candidates(passed)) {
      const outcome = await this.builder.attempt(run);
      if (outcome !== 'busy' && outcome !== 'gone') return true;
      if (this.stopping) return false;
    }
    return false;
  }
}
