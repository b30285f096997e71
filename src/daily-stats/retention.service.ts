import { Inject, Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Day } from '../aggregation/core/day.js';
import { CONFIG, type Config } from '../config/config.js';
import { DailySchedule } from './daily-schedule.js';
import { RetentionRepository } from './retention.repository.js';

const EVERY_MS = 300_000;

/** Deletes what METRICS_, ANOMALIES_ and DAILY_STATS_RETENTION do not keep, but never past a day that is not built. */
@Injectable()
export class RetentionService {
  private readonly logger = new Logger('Retention');
  private running = false;

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly repository: RetentionRepository,
    private readonly schedule: DailySchedule,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Interval(EVERY_MS)
  async inTheBackground(): Promise<void> {
    if (this.running || !this.database.isInitialized) return;
    this.running = true;
    try {
      await this.run();
    } catch (error) {
      this.logger.warn(`Nothing more is deleted now, it will try again: ${(error as Error).message}`);
    } finally {
      this.running = false;
    }
  }

  async run(): Promise<void> {
    const {
      METRICS_RETENTION_DAYS: metrics,
      ANOMALIES_RETENTION_DAYS: anomalies,
      DAILY_STATS_RETENTION_MONTHS: months,
    } = this.config;
    if (metrics === undefined && anomalies === undefined && months === undefined) return;
    const keptFrom = this.schedule.keptFrom();
    const owed = await this.repository.firstOwed(this.schedule.today(), keptFrom);
    if (metrics !== undefined) await this.expireMetrics(earlier(this.schedule.daysAgo(metrics), owed));
    if (anomalies !== undefined) await this.expireAnomalies(this.schedule.daysAgo(anomalies), owed);
    if (keptFrom !== null) await this.expireDailyStats(earlier(keptFrom, owed));
  }

  private async expireMetrics(before: Day): Promise<void> {
    let last: Day | null = null;
    for (;;) {
      const expired = await this.repository.expireMetrics(before);
      // A day that late events keep coming for is left to the next time.
      if (expired === null || (last !== null && expired.day <= last)) return;
      last = expired.day;
      this.logger.log(`Deleted the ${expired.rows} window metrics of ${expired.day}`);
    }
  }

  private async expireAnomalies(setAsideBefore: Day, before: Day): Promise<void> {
    let total = 0;
    for (let deleted = 1; deleted > 0; total += deleted)
      deleted = await this.repository.expireAnomalies(setAsideBefore, before);
    if (total > 0) this.logger.log(`Deleted ${total} anomalies set aside before ${setAsideBefore}`);
  }

  private async expireDailyStats(firstKept: Day): Promise<void> {
    for (const partition of await this.repository.expireDailyStats(firstKept))
      this.logger.log(`Dropped ${partition}`);
  }
}

const earlier = (a: Day, b: Day): Day => (a < b ? a : b);
