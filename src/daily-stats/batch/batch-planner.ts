import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Day } from '../../aggregation/core/day.js';
import { CONFIG, type Config } from '../../config/config.js';
import { inTransaction } from '../../database/transaction.js';
import { DailySchedule } from '../daily-schedule.js';
import { hasFailed, hasOpenRun, staleDays, unbuiltDays } from '../owed-days.js';

/** Advisory lock of whoever plans: replicas that plan together must not both find the same day missing. */
const PLAN_LOCK = 7_401_012;

export const backfillModes = ['missing', 'failed', 'all'] as const;
export type BackfillMode = (typeof backfillModes)[number];

/** Puts days that have to be built into the queue, by comparing what is expected with what is there. */
@Injectable()
export class BatchPlanner {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly schedule: DailySchedule,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** When the schedule fires: the day that has become due, and every other one owed, also those that failed for good. */
  async planScheduled(): Promise<void> {
    const newest = this.schedule.newestDue();
    await this.plan(newest, { onSchedule: newest, exceptDay: null, retryFailed: true });
  }

  /** At any time: days that were missed, and days that changed after they were built. */
  async planMissedAndStale(): Promise<void> {
    const newest = this.schedule.newestDue();
    const exceptDay = this.schedule.isCronsTurn(newest) ? newest : null;
    await this.plan(newest, { onSchedule: null, exceptDay, retryFailed: false });
  }

  private async plan(
    newest: Day,
    options: { onSchedule: Day | null; exceptDay: Day | null; retryFailed: boolean },
  ): Promise<void> {
    const { onSchedule, exceptDay, retryFailed } = options;
    const [today, keptFrom] = [this.schedule.today(), this.schedule.keptFrom()];
    // At half the delay, so that the day is built, not only taken up, within it.
    const staleSeconds = this.config.STALE_REBUILD_DELAY / 2000;
    await this.planning(async (transaction) => {
      await transaction.query(PLAN_UNBUILT, [newest, onSchedule, retryFailed, exceptDay, keptFrom]);
      await transaction.query(PLAN_STALE, [today, keptFrom, staleSeconds, retryFailed]);
    });
  }

  /** @returns the days among these that the mode selects */
  async selectForBackfill(from: Day, to: Day, mode: BackfillMode): Promise<Day[]> {
    const rows: { date: Day }[] = await this.database.query(SELECT_FOR_BACKFILL, [from, to, mode]);
    return rows.map(({ date }) => date);
  }

  /** Opens a run for each of the days that has none. @returns the ids of the days' open runs */
  async planBackfill(days: readonly Day[]): Promise<string[]> {
    return this.planning(async (transaction) => {
      await transaction.query(
        `INSERT INTO batch_runs (stat_date, trigger) SELECT day, 'backfill' FROM unnest($1::date[]) AS day ORDER BY day
         ${UNLESS_OPEN}`,
        [days],
      );
      // Before the commit, while nobody can have run the new ones.
      const runs: { id: string }[] = await transaction.query(
        `SELECT id FROM batch_runs WHERE stat_date = ANY($1::date[]) AND status IN ('waiting', 'running')`,
        [days],
      );
      return runs.map(({ id }) => id);
    });
  }

  /** Nothing is planned while the batch is paused, except by hand. */
  async isPaused(): Promise<boolean> {
    const [row]: { paused: boolean }[] = await this.database.query(
      `SELECT paused_at IS NOT NULL AS paused FROM batch_control`,
    );
    return row?.paused ?? false;
  }

  /** Kept in the database: for all replicas, also after a restart. */
  async setPaused(paused: boolean): Promise<void> {
    await this.database.query(
      `UPDATE batch_control SET paused_at = CASE WHEN $1 THEN coalesce(paused_at, now()) END`,
      [paused],
    );
  }

  private async planning<T>(work: (transaction: EntityManager) => Promise<T>): Promise<T> {
    return inTransaction(this.database, async (transaction) => {
      await transaction.query(`SELECT pg_advisory_xact_lock(${PLAN_LOCK})`);
      return work(transaction);
    });
  }
}

/**
 * Ends an INSERT of runs: a day that has an open one gets no other. Where days are owed, `hasOpenRun` has to say the same of the
 * snapshot in which they are: a run that ends while the statement goes on is no conflict any more, and its day not owed.
 */
const UNLESS_OPEN = `ON CONFLICT (stat_date) WHERE status IN ('waiting', 'running') DO NOTHING`;

// $1 newest expected day, $2 the day that is on schedule or NULL, $3 whether days that failed for good get another chance,
// $4 a day to leave alone or NULL, $5 the first day whose daily stats are kept or NULL
const PLAN_UNBUILT = `
  INSERT INTO batch_runs (stat_date, trigger)
  SELECT stat_date, CASE WHEN stat_date = $2::date THEN 'scheduled' ELSE 'catch_up' END
    FROM (${unbuiltDays('$1', '$5')}) AS unbuilt
   WHERE stat_date IS DISTINCT FROM $4::date AND NOT ${hasOpenRun('unbuilt')}
     AND ($3 OR NOT ${hasFailed('unbuilt', `'-infinity'`)})
   ORDER BY stat_date
  ${UNLESS_OPEN}`;

// $1 today, $2 the first day whose daily stats are kept or NULL, $3 seconds that a day has to be stale, $4 as $3 above
const PLAN_STALE = `
  INSERT INTO batch_runs (stat_date, trigger)
  SELECT stat_date, 'stale' FROM (${staleDays('$2')}) AS stale
   WHERE stat_date < $1::date AND stale_since <= now() - make_interval(secs => $3)
     AND NOT ${hasOpenRun('stale')} AND ($4 OR NOT ${hasFailed('stale', 'stale_since')})
   ORDER BY stat_date
  ${UNLESS_OPEN}`;

// $1 and $2 the range [from, to), $3 the mode
const SELECT_FOR_BACKFILL = `
  SELECT day::date::text AS date
    FROM generate_series($1::date::timestamp, $2::date::timestamp - interval '1 day', interval '1 day') AS day
   WHERE CASE $3::text
     WHEN 'all' THEN true
     WHEN 'missing' THEN NOT EXISTS (SELECT FROM stat_days WHERE stat_date = day::date AND built_version IS NOT NULL)
     ELSE (SELECT status FROM batch_runs WHERE stat_date = day::date ORDER BY id DESC LIMIT 1) = 'failed'
   END
   ORDER BY day`;
