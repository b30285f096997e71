import { Injectable, Logger } from '@nestjs/common';
import type { Day } from '../../aggregation/core/day.js';
import { BatchStateQueries, type BatchState } from './batch-state.queries.js';

/**
 * How often a day that is about to be built is found missing, half a minute apart, before that is an alarm: after a night out
 * of service, or when old events are read, days are missing until their turn comes.
 */
const PATIENCE = 10;

/** Looks again and again at what the batch owes, whichever replica should have done it, and says so once. */
@Injectable()
export class BatchMonitor {
  private readonly logger = new Logger('Batch');
  private state: BatchState | null = null;
  /** In how many looks in a row each day was missing. */
  private looks: ReadonlyMap<Day, number> = new Map();
  private readonly told = new Set<Day>();

  constructor(private readonly queries: BatchStateQueries) {}

  /** What the last look has found; null before the first. */
  get last(): BatchState | null {
    return this.state;
  }

  async look(): Promise<void> {
    this.state = await this.queries.state();
    const { missingDates, unattendedDates, failedDates } = this.state;
    this.looks = new Map(missingDates.map((day) => [day, (this.looks.get(day) ?? 0) + 1]));
    const owed = new Set([...missingDates, ...failedDates]);
    for (const day of this.told) if (!owed.has(day)) this.told.delete(day);
    const unattended = new Set(unattendedDates);
    const overdue = missingDates.filter(
      (day) => (this.looks.get(day) ?? 0) >= (unattended.has(day) ? 2 : PATIENCE),
    );
    const news = [...new Set([...overdue, ...failedDates])].filter((day) => !this.told.has(day)).sort();
    if (news.length === 0) return;
    for (const day of news) this.told.add(day);
    this.logger.error(
      `Daily stats are missing, or failed for good: ${summary(news)}. See GET /batch/schedule`,
    );
  }
}

const summary = (days: readonly Day[]): string =>
  days.length <= 10 ? days.join(', ') : `${days.slice(0, 10).join(', ')} and ${days.length - 10} more`;
