import { Inject, Injectable } from '@nestjs/common';
import { CronTime } from 'cron';
import { addDays, dayOf, monthsBefore, type Day } from '../aggregation/core/day.js';
import { CONFIG, type Config } from '../config/config.js';
import { CLOCK, type Clock } from './clock.js';
import { dueAt, missingFrom, newestDay } from './core/due.js';

/** Which days there are to build, by DAILY_BATCH_CRON and the clock. */
@Injectable()
export class DailySchedule {
  readonly cron: string;
  private readonly cronTime: CronTime;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.cron = config.DAILY_BATCH_CRON;
    this.cronTime = new CronTime(this.cron, 'UTC');
  }

  today(): Day {
    return dayOf(this.clock());
  }

  /** The newest day that is to be built by now. */
  newestDue(): Day {
    return newestDay(this.clock(), dueAt, this.nextFire);
  }

  /** True in the minute after a day has become due, which belongs to the cron job. */
  isCronsTurn(day: Day): boolean {
    return this.clock() < dueAt(day, this.nextFire) + 60_000;
  }

  /** The newest day that is called missing when it is not there by now. */
  newestMissing(): Day {
    return newestDay(this.clock(), missingFrom, this.nextFire);
  }

  /** First day whose daily stats are kept; null when all are. */
  keptFrom(): Day | null {
    const months = this.config.DAILY_STATS_RETENTION_MONTHS;
    return months === undefined ? null : monthsBefore(this.today(), months);
  }

  /** What a day that cannot be built must not be, for people; null for one that can. */
  whyNotBuildable(day: Day): string | null {
    const keptFrom = this.keptFrom();
    if (day >= this.today()) return 'must be before today (UTC): a day is built when it is over';
    if (keptFrom !== null && day < keptFrom)
      return `must not be before ${keptFrom}: DAILY_STATS_RETENTION_MONTHS keeps nothing older`;
    return null;
  }

  nextRunAt(): Date {
    return new Date(this.nextFire(this.clock()));
  }

  /** First day that is not older than this many days. */
  daysAgo(days: number): Day {
    return addDays(this.today(), -days);
  }

  private readonly nextFire = (after: number): number =>
    this.cronTime.getNextDateFrom(new Date(after), 'UTC').toMillis();
}
