import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Day } from '../../aggregation/core/day.js';
import type { BatchOrder } from '../core/command-line.js';
import { DailySchedule } from '../daily-schedule.js';
import { BatchQueries } from './batch.queries.js';
import type { BatchRun } from './batch.schemas.js';
import { BatchService } from './batch.service.js';

/** Between two tries to get at a day that somebody else is building. */
const BUSY_MS = 200;

/** Builds days for the command line, with a line for each. */
@Injectable()
export class BatchCommand {
  constructor(
    private readonly batch: BatchService,
    private readonly runs: BatchQueries,
    private readonly schedule: DailySchedule,
  ) {}

  /** @returns whether every day is built */
  async run({ days, force }: BatchOrder, print: (line: string) => void): Promise<boolean> {
    let failed = 0;
    for (const day of days) {
      const { succeeded, line } = await this.build(day, force);
      if (!succeeded) failed++;
      print(`${day}  ${line}`);
    }
    if (days.length > 1) print(`${days.length - failed} of ${days.length} days built`);
    return failed === 0;
  }

  private async build(day: Day, force: boolean): Promise<{ succeeded: boolean; line: string }> {
    const refusal = this.schedule.whyNotBuildable(day);
    if (refusal) return { succeeded: false, line: `refused: it ${refusal}` };
    const startedAt = performance.now();
    let id = await this.batch.runNow(day, force);
    for (; id === null; id = await this.batch.runNow(day, force)) await delay(BUSY_MS);
    const run = await this.runs.one(id);
    return {
      succeeded: run?.status === 'succeeded',
      line: describe(run, Math.round(performance.now() - startedAt)),
    };
  }
}

function describe(run: BatchRun | null, ms: number): string {
  switch (run?.status) {
    case undefined:
      return 'failed: its run has disappeared';
    case 'succeeded':
      return `succeeded, ${run.rows ?? 0} rows, ${ms} ms`;
    case 'failed':
      return `failed: ${run.error ?? 'unknown'}`;
    case 'running':
    case 'waiting':
      return `waiting for the ${run.waitingFor ?? 'database'}; a running service will build it as soon as it can (--force builds it now)`;
  }
}
