import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Day } from '../../aggregation/core/day.js';
import { DailySchedule } from '../daily-schedule.js';
import { hasFailed, hasOpenRun, staleDays, unbuiltDays } from '../owed-days.js';

/** What the batch still owes. */
export interface BatchState {
  readonly paused: boolean;
  /** Days that should have daily stats by now and have none: not built in time, or failed for good. */
  readonly missingDates: readonly Day[];
  /** Days that changed after they were built. */
  readonly staleDates: readonly Day[];
  /** Days that nobody tries any more before the next night, since their run has failed for good; missing or stale. */
  readonly failedDates: readonly Day[];
  /** Those of the missing days that nobody is about to build: they have no open run, or the batch is paused. */
  readonly unattendedDates: readonly Day[];
  readonly waitingRuns: number;
  readonly runningRuns: number;
  readonly lastSuccessAt: Date | null;
}

interface StateRow {
  paused: boolean;
  missing: Day[];
  stale: Day[];
  failed: Day[];
  unattended: Day[];
  waiting: number;
  running: number;
  last_success_at: Date | null;
}

/** Compares the days that are expected with those that are there. */
@Injectable()
export class BatchStateQueries {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly schedule: DailySchedule,
  ) {}

  async state(): Promise<BatchState> {
    const [row]: StateRow[] = await this.database.query(STATE, [
      this.schedule.newestDue(),
      this.schedule.newestMissing(),
      this.schedule.today(),
      this.schedule.keptFrom(),
    ]);
    if (!row) throw new Error('batch_control has no row');
    return {
      paused: row.paused,
      missingDates: row.missing,
      staleDates: row.stale,
      failedDates: row.failed,
      unattendedDates: row.unattended,
      waitingRuns: row.waiting,
      runningRuns: row.running,
      lastSuccessAt: row.last_success_at,
    };
  }
}

// $1 newest day that is due, $2 newest day that is missing unless it is there, $3 today, $4 first day that is kept or NULL
const STATE = `
  WITH unbuilt AS (${unbuiltDays('$1', '$4')}),
  stale AS (SELECT * FROM (${staleDays('$4')}) AS changed WHERE stat_date < $3::date),
  failed AS (
    SELECT stat_date FROM unbuilt WHERE ${hasFailed('unbuilt', `'-infinity'`)} AND NOT ${hasOpenRun('unbuilt')}
    UNION
    SELECT stat_date FROM stale WHERE ${hasFailed('stale', 'stale_since')} AND NOT ${hasOpenRun('stale')}
  ), missing AS (
    SELECT stat_date FROM unbuilt WHERE stat_date <= $2::date OR stat_date IN (SELECT stat_date FROM failed)
  )
  SELECT paused_at IS NOT NULL AS paused,
         ARRAY(SELECT stat_date::text FROM missing ORDER BY stat_date) AS missing,
         ARRAY(SELECT stat_date::text FROM missing
                WHERE paused_at IS NOT NULL OR NOT ${hasOpenRun('missing')} ORDER BY stat_date) AS unattended,
         ARRAY(SELECT stat_date::text FROM stale ORDER BY stat_date) AS stale,
         ARRAY(SELECT stat_date::text FROM failed ORDER BY stat_date) AS failed,
         (SELECT count(*)::integer FROM batch_runs WHERE status = 'waiting') AS waiting,
         (SELECT count(*)::integer FROM batch_runs WHERE status = 'running') AS running,
         (SELECT max(built_at) FROM stat_days) AS last_success_at
    FROM batch_control`;
