import type { LoggerService } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { DataSource, EntityManager } from 'typeorm';
import { WindowDeltas } from '../../src/aggregation/core/window-deltas.js';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS } from '../../src/aggregation/core/window-spec.js';
import { MetricsRepository } from '../../src/aggregation/metrics.repository.js';
import { StatDaysRepository } from '../../src/aggregation/stat-days.repository.js';
import { parseDay } from '../../src/aggregation/core/day.js';
import { parseConfig } from '../../src/config/config.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { CLOCK } from '../../src/daily-stats/clock.js';
import { dateLiteral } from '../../src/database/instant.js';
import { DailyStatsModule } from '../../src/daily-stats/daily-stats.module.js';
import { DailyStatsRepository } from '../../src/daily-stats/daily-stats.repository.js';
import type { TestDatabase } from './database.js';

/** One replica's batch, in this process, with a clock of its own. */
export interface BatchReplica {
  /** Log lines of level WARN and ERROR, the level first. */
  readonly alarms: string[];
  get: TestingModule['get'];
  stop(): Promise<void>;
}

/** Rounds come every quarter second; the cron job never, unless the test says when. */
const QUICK = { STALE_REBUILD_DELAY: '1s', BATCH_RETRY_DELAY: '100ms', DAILY_BATCH_CRON: '5 0 * * *' };

/**
 * Starts a batch and waits for its database.
 * @param now an instant at which the replica's clock stands still
 */
export async function startBatch(
  database: TestDatabase,
  now: string,
  env: Record<string, string> = {},
): Promise<BatchReplica> {
  const config = parseConfig({ ...QUICK, ...env });
  const alarms: string[] = [];
  const keep =
    (level: string) =>
    (message: unknown): void =>
      void alarms.push(`${level} ${String(message)}`);
  const logger: LoggerService = {
    log: () => undefined,
    warn: keep('WARN'),
    error: keep('ERROR'),
  };
  const module = await Test.createTestingModule({
    imports: [ConfigModule.of(config), DatabaseModule.at(database.url), DailyStatsModule],
  })
    .overrideProvider(CLOCK)
    .useValue(() => Date.parse(now))
    .compile();
  module.useLogger(logger);
  await module.init();
  await module.get(DatabaseService).whenReady();
  return { alarms, get: module.get.bind(module), stop: () => module.close() };
}

export interface Run {
  date: string;
  trigger: string;
  status: string;
  attempts: number;
  rows: number | null;
  error: string | null;
}

/** All runs, in the order in which they were opened. */
export const runsOf = (database: DataSource): Promise<Run[]> =>
  database.query(
    `SELECT stat_date::text AS date, trigger, status, attempts, rows, error FROM batch_runs ORDER BY id`,
  );

/** Holds a day as another replica does that builds it. @returns what ends that */
export async function buildElsewhere(database: DataSource, day: string): Promise<() => Promise<void>> {
  const other = database.createQueryRunner();
  await other.startTransaction();
  expect(await new DailyStatsRepository().tryLock(other.manager, parseDay(day)!)).toBe(true);
  return async () => {
    await other.rollbackTransaction();
    await other.release();
  };
}

/** The stats of a day, by type and key. */
export async function statsOf(database: DataSource, day: string): Promise<Record<string, number>> {
  const rows: { name: string; value: number }[] = await database.query(
    `SELECT metric_type || ' ' || metric_key AS name, metric_value AS value FROM daily_stats WHERE stat_date = $1
      ORDER BY metric_type, metric_key`,
    [day],
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

/** Adds events as a flush does, in one go. */
export async function addEvents(
  database: Pick<DataSource, 'query'>,
  events: readonly { at: string; type: string; region: string; micros?: number }[],
): Promise<void> {
  const windows = new WindowDeltas();
  for (const { at, type, region, micros = 0 } of events) {
    const time = Date.parse(at);
    windows.add(EVENT_TYPE_WINDOWS, EVENT_TYPE_WINDOWS.startOf(time), type, micros, false);
    windows.add(REGION_WINDOWS, REGION_WINDOWS.startOf(time), region, 0, false);
  }
  const transaction = database as EntityManager;
  await new MetricsRepository().add(transaction, windows);
  await new StatDaysRepository().changed(transaction, [...windows.days()].map(dateLiteral));
}
