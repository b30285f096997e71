import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, QueryRunner } from 'typeorm';
import { inSession } from '../../database/session.js';
import { ProblemError } from '../../http/problem.js';
import { LogTruncatedError, LogUnavailableError } from '../../transport/log-reader.js';
import { RebuildRange } from '../core/rebuild-range.js';
import { LogJobsRepository, type LogReplay } from './log-jobs.repository.js';
import { ReplayedEventError } from './counted-anomalies.js';
import { PartitionsChangedError, type LogRebuild } from './log-rebuild.js';
import { LogRebuilds } from './log-rebuilds.js';
import { LogSwap } from './log-swap.js';

/** How often the job's row tells how far it has come. */
const PROGRESS_MS = 500;

/** Until a job is begun again that could not go on. */
const RETRY_MS = 5_000;

/** Longest time for which the last stretch of the log may hold ingestion up. */
const MAX_PAUSE_MS = 15_000;

/** Somebody has cancelled the job. */
class CancelledError extends Error {}

/**
 * Makes windows anew from the log. Nothing is stored before its one transaction at the end, so a job that was broken off is begun
 * again, by whichever replica comes first.
 */
@Injectable()
export class LogReplayRunner {
  private readonly logger = new Logger('Replay');

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly jobs: LogJobsRepository,
    private readonly rebuilds: LogRebuilds,
    private readonly swap: LogSwap,
  ) {}

  /**
   * Does a whole job. @returns false when there was nothing to do
   * @throws ProblemError when it cannot be done at all, or what the database throws
   */
  async run(id: string, signal: AbortSignal): Promise<boolean> {
    let rebuild: LogRebuild | undefined;
    try {
      return await inSession(this.database, async (session) => {
        const job = await this.jobs.take(session.manager, id);
        if (!job) return false;
        const range = RebuildRange.between(job.from, job.to);
        rebuild = await this.rebuilds.open(session.manager, range);
        await rebuild.catchUp(this.progressOf(session, id, rebuild), signal);
        // Most of them before the locks; what is replayed from now on is added under them.
        await this.swap.prepare(session.manager, range);
        await this.end(session, job, range, rebuild, signal);
        return true;
      });
    } catch (error) {
      if (signal.aborted || error instanceof CancelledError) return true;
      if (isPassing(error)) {
        const reason = error instanceof ProblemError ? error.detail : (error as Error).message;
        this.logger.warn(`Replay ${id} cannot go on now, it is begun again: ${reason}`);
        await this.jobs.postpone(id, reason, RETRY_MS);
        return false;
      }
      throw asProblem(error) ?? error;
    } finally {
      // After the session: those who wait for its locks shall not wait for this too.
      await rebuild?.close();
    }
  }

  /** Notes progress, but not all the time. @throws CancelledError */
  private progressOf(
    { manager }: QueryRunner,
    id: string,
    rebuild: LogRebuild,
  ): (total: number) => Promise<void> {
    let next = 0;
    return async (total) => {
      if (performance.now() < next) return;
      next = performance.now() + PROGRESS_MS;
      if (!(await this.jobs.noteProgress(manager, id, { read: rebuild.read, total })))
        throw new CancelledError();
    };
  }

  /** The one transaction in which the windows change. In a dry run it sees one state of everything, and locks nothing. */
  private async end(
    session: QueryRunner,
    job: LogReplay,
    range: RebuildRange,
    rebuild: LogRebuild,
    signal: AbortSignal,
  ): Promise<void> {
    const { manager } = session;
    await session.startTransaction(job.dryRun ? 'REPEATABLE READ' : 'READ COMMITTED');
    const pause = { since: null as number | null };
    const different = await this.swap.perform(manager, job, range, async () => {
      await rebuild.catchUp(() => Promise.resolve(), signal);
      const partitions = await this.rebuilds.checkpoints(manager, job.dryRun ? 'look' : 'lock');
      if (!job.dryRun) pause.since = performance.now();
      await rebuild.finish(partitions, AbortSignal.any([signal, AbortSignal.timeout(MAX_PAUSE_MS)]));
    });
    const byReason = rebuild.rejected();
    const ended = await this.jobs.succeed(manager, job.id, {
      read: rebuild.read,
      applied: await this.rebuilds.countEvents(manager),
      rejected: Object.values(byReason).reduce((sum, count) => sum + count, 0),
      byReason,
      ingestionPausedMs: pause.since === null ? null : Math.round(performance.now() - pause.since),
    });
    if (!ended) throw new CancelledError();
    await session.commitTransaction();
    this.logger.log(
      `Replay ${job.id} has read ${rebuild.read} records of the log: ${different} windows from ${job.from} to ${job.to} ${job.dryRun ? 'would change' : 'were put right'}`,
    );
  }
}

/** What is over by itself some time. */
const isPassing = (error: unknown): boolean =>
  error instanceof LogUnavailableError ||
  error instanceof PartitionsChangedError ||
  (error instanceof DOMException && error.name === 'TimeoutError') ||
  (error instanceof ProblemError && error.code === 'log_unavailable');

function asProblem(error: unknown): ProblemError | null {
  if (error instanceof ProblemError) return error;
  if (error instanceof ReplayedEventError) return new ProblemError('internal_error', error.message);
  if (error instanceof LogTruncatedError)
    return new ProblemError('log_too_short', `While the log was read, ${error.message}.`);
  return null;
}
