import { Injectable, Logger } from '@nestjs/common';
import type { Day } from '../../aggregation/core/day.js';
import { BatchStateQueries, type BatchState } from './batch-state.queries.js';

/** Looks again and again at what the batch owes, whichever replica should have done it, and says so once. */
@Injectable()
export class BatchMonitor {
  private readonly logger = new Logger('Batch');
  private state: BatchState | null = null;
  private missingBefore: ReadonlySet<Day> = new Set();
  private readonly told = new Set<Day>();

  constructor(private readonly queries: BatchStateQueries) {}

  /** What the last look has found; null before the first. */
  get last(): BatchState | null {
    return this.state;
  }

  async look(): Promise<void> {
    this.state = await this.queries.state();
    const { missingDates, failedDates } = this.state;
    const missing = new Set(missingDates);
    for (const day of this.told) if (!missing.has(day) && !failedDates.includes(day)) this.told.delete(day);
    // A day that the first look finds missing may be in the making, such as after a night out of service.
    const alarming = new Set([...missingDates.filter((day) => this.missingBefore.has(day)), ...failedDates]);
    this.missingBefore = missing;
    const news = [...alarming].filter((day) => !this.told.has(day)).sort();
    if (news.length === 0) return;
    for (const day of news) this.told.add(day);
    this.logger.error(
      `Daily stats are missing, or failed for good: ${summary(news)}. See GET /batch/schedule`,
    );
  }
}

const summary = (days: readonly Day[]): string =>
  days.length <= 10 ? days.join(', ') : `${days.slice(0, 10).join(', ')} and ${days.length - 10} more`;
