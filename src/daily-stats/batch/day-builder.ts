import { hostname } from 'node:os';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { StatDaysRepository } from '../../aggregation/stat-days.repository.js';
import { CONFIG, type Config } from '../../config/config.js';
import { inTransaction } from '../../database/transaction.js';
import { interruptionDelay, retryDelay } from '../core/retry.js';
import type { Trigger } from '../core/trigger.js';
import { DailyStatsRepository } from '../daily-stats.repository.js';
import { BatchRunsRepository, type OpenRun } from './batch-runs.repository.js';

const OWNER = `${hostname()}:${process.pid}`;

/** What became of an attempt: `busy` when somebody else has the day, `gone` when the run is not waiting any more. */
export type Attempt = 'succeeded' | 'failed' | 'requeued' | 'busy' | 'gone';

/** Builds a day: everything in one transaction, under the day's lock, one day at a time in this process. */
@Injectable()
export class DayBuilder {
  private readonly logger = new Logger('Batch');
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly runs: BatchRunsRepository,
    private readonly stats: DailyStatsRepository,
    private readonly days: StatDaysRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Takes a waiting run and builds its day, or puts back one whose replica has died. Rejects only without the database. */
  attempt(run: OpenRun): Promise<Attempt> {
    // An attempt needs a second connection while it holds one; with many at once each might wait for the others'.
    const turn = this.tail.then(() => this.attemptNow(run));
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  private async attemptNow(run: OpenRun): Promise<Attempt> {
    const attempt = { number: 0, rows: 0 };
    const startedAt = performance.now();
    try {
      const outcome = await inTransaction(this.database, (transaction) =>
        this.underLock(transaction, run, attempt),
      );
      if (outcome === 'succeeded')
        this.logger.log(
          `Daily stats of ${run.date} (${run.trigger}): ${attempt.rows} rows in ${Math.round(performance.now() - startedAt)} ms`,
        );
      return outcome;
    } catch (error) {
      // The connection is gone, and the transaction with it. Without another one the run stays as it is, an orphan.
      if (attempt.number === 0) throw error;
      await this.fail(this.database.manager, run, attempt.number, error as Error);
      return 'failed';
    }
  }

  private async underLock(
    transaction: EntityManager,
    run: OpenRun,
    attempt: { number: number; rows: number },
  ): Promise<Attempt> {
    if (!(await this.stats.tryLock(transaction, run.date))) return 'busy';
    if (run.status === 'running') return this.requeueOrphan(transaction, run);
    attempt.number = (await this.runs.begin(run.id, OWNER)) ?? 0;
    if (attempt.number === 0) return 'gone';
    await transaction.query('SAVEPOINT build');
    try {
      const version = await this.days.version(transaction, run.date);
      attempt.rows = await this.stats.rebuild(transaction, run.date);
      await this.runs.succeed(transaction, run.id, attempt.rows);
      await this.days.built(transaction, run.date, version);
      return 'succeeded';
    } catch (error) {
      await transaction.query('ROLLBACK TO SAVEPOINT build').catch(() => {
        throw error as Error; // the connection is gone, and this error says why
      });
      // Noted before the day's lock is given up, so that nobody takes the run for an orphan.
      await this.fail(transaction, run, attempt.number, error as Error);
      return 'failed';
    }
  }

  /** It is running, yet nobody has the day's lock: its replica has died, or it has ended since the queue was looked at. */
  private async requeueOrphan(transaction: EntityManager, run: OpenRun): Promise<Attempt> {
    const retryAfter = interruptionDelay(run.interruptions, this.config.BATCH_RETRY_DELAY);
    if (!(await this.runs.requeue(transaction, run, retryAfter))) return 'gone';
    this.logger.warn(
      `Daily stats of ${run.date} (${run.trigger}): the replica that built them has gone; once more in ${retryAfter / 1000} s`,
    );
    return 'requeued';
  }

  private async fail(
    connection: EntityManager,
    run: OpenRun,
    attempts: number,
    { message }: Error,
  ): Promise<void> {
    const retryAfter = this.retryAfter(run.trigger, attempts - run.interruptions);
    if (!(await this.runs.fail(connection, run.id, attempts, message.slice(0, 1000), retryAfter))) return;
    this.logger.warn(
      `Daily stats of ${run.date} (${run.trigger}) failed at attempt ${attempts}, ${
        retryAfter === null ? 'for good' : `next one in ${retryAfter / 1000} s`
      }: ${message}`,
    );
  }

  /** Whoever asked by hand sees the failure, and asks again. */
  private retryAfter(trigger: Trigger, attempts: number): number | null {
    const { BATCH_RETRIES: retries, BATCH_RETRY_DELAY: delayMs } = this.config;
    return trigger === 'manual' ? null : retryDelay(attempts, { retries, delayMs });
  }
}
