import { Injectable } from '@nestjs/common';
import type { Day } from '../../aggregation/core/day.js';
import { PassedDays } from '../passed-days.js';
import { BatchPlanner, type BackfillMode } from './batch-planner.js';
import { BatchRound } from './batch-round.js';
import { BatchRunsRepository, type OpenRun } from './batch-runs.repository.js';
import { DayBuilder } from './day-builder.js';

/** What people ask of the batch. */
@Injectable()
export class BatchService {
  constructor(
    private readonly runs: BatchRunsRepository,
    private readonly builder: DayBuilder,
    private readonly planner: BatchPlanner,
    private readonly round: BatchRound,
    private readonly passed: PassedDays,
  ) {}

  /**
   * Builds a day now, also while the batch is paused; or leaves it waiting when the watermark has not passed it yet.
   * @param force build it from what there is, also before that; should more come, the day is stale and built again
   * @returns the run's id, or null while somebody else is building the day
   */
  async runNow(day: Day, force: boolean): Promise<string | null> {
    const buildNow = force || (await this.passed.isOver(day));
    const run = (await this.runs.request(day, buildNow)) ?? (await this.requestAfterOrphan(day, buildNow));
    if (!run) return null;
    if (!buildNow) return run.id;
    return (await this.builder.attempt(run)) === 'busy' ? null : run.id;
  }

  /** @returns the days that the mode selects, and their open runs; a dry run opens none */
  async backfill(
    from: Day,
    to: Day,
    mode: BackfillMode,
    dryRun: boolean,
  ): Promise<{ days: Day[]; runIds: string[] }> {
    const days = await this.planner.selectForBackfill(from, to, mode);
    if (dryRun) return { days, runIds: [] };
    const runIds = await this.planner.planBackfill(days);
    this.round.hurry();
    return { days, runIds };
  }

  async pause(): Promise<void> {
    await this.planner.setPaused(true);
  }

  async resume(): Promise<void> {
    await this.planner.setPaused(false);
    void this.round.regular();
  }

  /** The day has a run that is running. When its replica has died, nobody is in the way. */
  private async requestAfterOrphan(day: Day, buildNow: boolean): Promise<OpenRun | null> {
    const open = await this.runs.open(day);
    if (open?.status === 'running' && (await this.builder.attempt(open)) === 'busy') return null;
    return this.runs.request(day, buildNow);
  }
}
