import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Day } from '../../aggregation/core/day.js';
import { CONFIG, topicOf, type Config } from '../../config/config.js';
import { StartupError } from '../../config/startup-error.js';
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
    @InjectDataSource() private readonly database: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @returns whether every day is built
   * @throws StartupError when the watermark cannot be told
   */
  async run({ days, force }: BatchOrder, print: (line: string) => void): Promise<boolean> {
    if (!force) await this.assertSameLog();
    let failed = 0;
    for (const day of days) {
      const { succeeded, line } = await this.build(day, force);
      if (!succeeded) failed++;
      print(`${day}  ${line}`);
    }
    if (days.length > 1) print(`${days.length - failed} of ${days.length} days built`);
    return failed === 0;
  }

  /** With other settings of the log than the service has, every day would look as if it were over. */
  private async assertSameLog(): Promise<void> {
    const topic = topicOf(this.config);
    const topics: { topic: string }[] = await this.database.query(
      'SELECT DISTINCT topic FROM ingest_partitions ORDER BY topic',
    );
    if (topics.length > 0 && !topics.some((row) => row.topic === topic))
      throw new StartupError(
        `The service of this database reads ${topics.map((row) => row.topic).join(', ')}, not ${topic}: give the command line its KAFKA_BROKERS and KAFKA_TOPIC, or --force`,
      );
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
      return `waiting for the ${run.waitingFor === 'resume' ? 'batch to be resumed' : 'watermark'}: a running service will build it then, --force builds it now`;
  }
}
