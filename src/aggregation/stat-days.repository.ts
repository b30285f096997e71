import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';

/** Which UTC days hold data, and how often each has changed, in `stat_days`. */
@Injectable()
export class StatDaysRepository {
  /**
   * Notes that the data of these days changes with this transaction; a day that has its daily stats becomes stale.
   * Rows are locked in date order, so that replicas do not deadlock.
   * @param days `YYYY-MM-DD`, in any order, repeats are fine
   */
  async changed(transaction: EntityManager, days: readonly string[]): Promise<void> {
    if (days.length === 0) return;
    await transaction.query(
      `INSERT INTO stat_days AS stored (stat_date)
       SELECT DISTINCT day FROM unnest($1::date[]) AS day ORDER BY day
       ON CONFLICT (stat_date) DO UPDATE SET
         version = stored.version + 1,
         stale_since = CASE WHEN stored.built_version IS NOT NULL THEN coalesce(stored.stale_since, now()) END`,
      [days],
    );
  }

  /**
   * How often the day has changed, by all transactions that have committed. Read it before the data: what commits
   * between the two is then built too early rather than never.
   */
  async version(transaction: EntityManager, day: string): Promise<string> {
    const [row]: { version: string }[] = await transaction.query(
      `SELECT version FROM stat_days WHERE stat_date = $1`,
      [day],
    );
    return row?.version ?? '0';
  }

  /** Notes that daily_stats shows the day as it was at this version, with the commit of this transaction. */
  async built(transaction: EntityManager, day: string, version: string): Promise<void> {
    await transaction.query(
      `INSERT INTO stat_days AS stored (stat_date, version, built_version, built_at) VALUES ($1, 0, $2, now())
       ON CONFLICT (stat_date) DO UPDATE SET built_version = $2, built_at = now(),
         stale_since = CASE WHEN stored.version > $2 THEN now() END`,
      [day, version],
    );
  }
}
