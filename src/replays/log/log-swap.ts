import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { WindowDelta } from '../../aggregation/core/window-deltas.js';
import { MetricsRepository } from '../../aggregation/metrics.repository.js';
import { lockForRebuild } from '../../aggregation/rebuild-lock.js';
import { StatDaysRepository } from '../../aggregation/stat-days.repository.js';
import { dateLiteral } from '../../database/instant.js';
import type { RebuildRange } from '../core/rebuild-range.js';
import { MAX_CHANGES } from '../replay-jobs.repository.js';
import { CountedAnomalies } from './counted-anomalies.js';
import type { LogReplay } from './log-jobs.repository.js';
import { LogSurvey } from './log-survey.js';
import { RebuildRepository } from './rebuild.repository.js';

/**
 * Puts windows made anew in the place of the stored ones, within one transaction. In a dry run it only finds the differences;
 * the transaction has to be REPEATABLE READ then, since nothing is locked.
 */
@Injectable()
export class LogSwap {
  constructor(
    private readonly survey: LogSurvey,
    private readonly counted: CountedAnomalies,
    private readonly repository: RebuildRepository,
    private readonly metrics: MetricsRepository,
    private readonly days: StatDaysRepository,
  ) {}

  /** What can be done before anybody has to wait. */
  prepare(connection: EntityManager, range: RebuildRange): Promise<void> {
    return this.counted.addReplayed(connection, range);
  }

  /**
   * @param readRest stops ingestion until the transaction ends (but not in a dry run), and takes in what is left of the log up to
   * its checkpoints. Locks are taken in the order in which replays of anomalies and flushes take them: the former are kept away
   * as a whole, the latter wait for their checkpoint before they touch a window.
   * @returns how many windows differ
   */
  async perform(
    transaction: EntityManager,
    job: LogReplay,
    range: RebuildRange,
    readRest: () => Promise<void>,
  ): Promise<number> {
    if (!job.dryRun) await lockForRebuild(transaction);
    await this.survey.assertNothingExpired(transaction, range);
    const actor = job.dryRun ? null : `replay ${job.id}`;
    await this.counted.addReplayed(transaction, range);
    const outside = await this.counted.addPassing(transaction, range, actor);
    await readRest();
    outside.push(...(await this.counted.addPassing(transaction, range, actor)));
    const different = await this.repository.compare(transaction, range);
    await this.repository.noteChanges(transaction, job.id, MAX_CHANGES);
    if (!job.dryRun) await this.apply(transaction, outside);
    return different;
  }

  private async apply(
    transaction: EntityManager,
    outside: readonly (readonly WindowDelta[])[],
  ): Promise<void> {
    const days = await this.repository.apply(transaction);
    for (const deltas of outside) await this.metrics.add(transaction, deltas);
    const daysOutside = outside.flat().map(({ windowStart }) => dateLiteral(windowStart));
    await this.days.changed(transaction, [...days, ...daysOutside]);
  }
}
