import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';
import pg from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { Config } from '../config/config.js';
import { StartupError } from '../config/startup-error.js';
import { Initial1763800000000 } from '../migrations/1763800000000-initial.js';
import { DailyStats1763900000000 } from '../migrations/1763900000000-daily-stats.js';
import { Replays1764000000000 } from '../migrations/1764000000000-replays.js';
import { AnomalySearch1764100000000 } from '../migrations/1764100000000-anomaly-search.js';
import { LogReplays1764200000000 } from '../migrations/1764200000000-log-replays.js';
import { SimulatorRuns1764300000000 } from '../migrations/1764300000000-simulator-runs.js';
import { AnswerKeys1764400000000 } from '../migrations/1764400000000-answer-keys.js';
import { AnomalyTextsLater1764500000000 } from '../migrations/1764500000000-anomaly-texts-later.js';
import { LogIds1764600000000 } from '../migrations/1764600000000-log-ids.js';
import { RecentEventIds1764700000000 } from '../migrations/1764700000000-recent-event-ids.js';
import { inSession } from './session.js';

/** Every migration, oldest first. */
export const migrations = [
  Initial1763800000000,
  DailyStats1763900000000,
  Replays1764000000000,
  AnomalySearch1764100000000,
  LogReplays1764200000000,
  SimulatorRuns1764300000000,
  AnswerKeys1764400000000,
  AnomalyTextsLater1764500000000,
  LogIds1764600000000,
  RecentEventIds1764700000000,
];

/** A statement that runs longer than this has lost its database; the checkpoint's epoch makes trying again safe. */
const QUERY_TIMEOUT_MS = 60_000;

/**
 * What a database or a role may have set otherwise. The server gives up before the client does, so that nothing goes on behind
 * the client's back.
 */
const SERVER_SETTINGS = [
  'timezone=UTC',
  'datestyle=ISO',
  'default_transaction_isolation=read\\ committed',
  'statement_timeout=50s',
  'idle_in_transaction_session_timeout=60s',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/**
 * A connection that the server ends in the moment in which it was made has no listener yet: the pool has handed it over, and
 * TypeORM takes it a little later. The error would end the process; like this the first query of the connection tells.
 */
class CalmClient extends pg.Client {
  constructor(options: pg.ClientConfig) {
    super(options);
    this.on('error', () => undefined);
  }
}

type DatabaseConfig = Pick<
  Config,
  | 'POSTGRES_HOST'
  | 'POSTGRES_PORT'
  | 'POSTGRES_USER'
  | 'POSTGRES_PASSWORD'
  | 'POSTGRES_DB'
  | 'POSTGRES_SSL'
  | 'POSTGRES_SSL_CA'
  | 'POSTGRES_POOL_SIZE'
>;

/**
 * TypeORM's options for the service's database.
 * @param url `postgresql://` URL; when undefined the POSTGRES_* variables are used
 */
export function dataSourceOptions(
  config: DatabaseConfig,
  url: string | undefined,
): PostgresDataSourceOptions {
  return {
    type: 'postgres',
    ...(url
      ? { url }
      : {
          host: config.POSTGRES_HOST,
          port: config.POSTGRES_PORT,
          username: config.POSTGRES_USER,
          password: config.POSTGRES_PASSWORD,
          database: config.POSTGRES_DB,
        }),
    ...(config.POSTGRES_SSL === 'off' ? {} : { ssl: tlsOptions(config) }),
    poolSize: config.POSTGRES_POOL_SIZE,
    connectTimeoutMS: 5_000,
    synchronize: false,
    migrations,
    migrationsTableName: 'schema_migrations',
    // Errors of idle connections: the pool replaces them, and the next query tells what is wrong.
    poolErrorHandler: () => undefined,
    extra: {
      application_name: 'telecom-data-pipeline',
      keepAlive: true,
      query_timeout: QUERY_TIMEOUT_MS,
      options: SERVER_SETTINGS,
      Client: CalmClient,
    },
  };
}

function tlsOptions(config: DatabaseConfig): TlsOptions {
  if (config.POSTGRES_SSL === 'require') return { rejectUnauthorized: false };
  if (!config.POSTGRES_SSL_CA) return { rejectUnauthorized: true };
  try {
    return { rejectUnauthorized: true, ca: readFileSync(config.POSTGRES_SSL_CA, 'utf8') };
  } catch (cause) {
    throw new StartupError(`POSTGRES_SSL_CA cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Advisory lock of whoever migrates, so that replicas that start together do it one after the other. */
const MIGRATION_LOCK = 7_401_002;

/** Brings the schema up to date; safe to call from many processes at once. */
export async function migrate(database: DataSource): Promise<void> {
  await inSession(database, async (session) => {
    while (!(await tryLock(session))) await delay(200);
    await database.runMigrations({ transaction: 'each' });
  });
}

async function tryLock(runner: QueryRunner): Promise<boolean> {
  const rows = (await runner.query(`SELECT pg_try_advisory_lock(${MIGRATION_LOCK}) AS locked`)) as {
    locked: boolean;
  }[];
  return rows[0]?.locked ?? false;
}
