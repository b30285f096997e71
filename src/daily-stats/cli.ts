import 'reflect-metadata';
import { Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import dotenv from 'dotenv';
import { dayOf } from '../aggregation/core/day.js';
import { ConfigError, parseConfig, usesEmbeddedPostgres, type Config } from '../config/config.js';
import { ConfigModule } from '../config/config.module.js';
import { StartupError } from '../config/startup-error.js';
import { UsageError } from '../config/usage-error.js';
import { DatabaseModule } from '../database/database.module.js';
import { DatabaseService } from '../database/database.service.js';
import { EmbeddedPostgres } from '../database/embedded-postgres.js';
import { withTimeout } from '../database/with-timeout.js';
import { isDatabaseUnavailable } from '../http/database-unavailable.js';
import { BatchCommand } from './batch/batch.command.js';
import { BatchModule } from './batch/batch.module.js';
import { batchOrder, type BatchOrder } from './core/command-line.js';

const USAGE = `Builds daily stats. Exit code 0 when every day is built, 1 otherwise.

  npm run batch                                          yesterday (UTC)
  npm run batch -- --date 2025-11-08                     one day
  npm run batch -- --from 2025-11-01 --to 2025-12-01     at most 366 days; --to is the first day after the range
  npm run batch -- --date 2025-11-08 --force             from what there is, also when the watermark has not passed it

Give it the environment of the service, or the same .env. The database is that of DATABASE_URL or POSTGRES_*, without them
the embedded one in DATA_DIR, whether the service is running or not. KAFKA_TOPIC, WATERMARK_DELAY and IDLE_TIMEOUT tell
whether a day is over.`;

const DATABASE_TIMEOUT_MS = 30_000;

@Module({})
class CommandModule {
  static of(config: Config, url: string | undefined): DynamicModule {
    return {
      module: CommandModule,
      imports: [ConfigModule.of(config), DatabaseModule.at(url), BatchModule],
      providers: [BatchCommand],
    };
  }
}

async function main(): Promise<boolean> {
  const order = batchOrder(process.argv.slice(2), dayOf(Date.now()));
  if (order === null) {
    print(USAGE);
    return true;
  }
  dotenv.config({ quiet: true });
  const config = parseConfig(process.env);
  if (!usesEmbeddedPostgres(config)) return build(order, config, config.DATABASE_URL);
  const postgres = await EmbeddedPostgres.start({
    dataDir: config.DATA_DIR,
    role: 'command',
    progress: print,
  });
  try {
    return await build(order, config, postgres.url);
  } finally {
    await postgres.stop();
  }
}

async function build(order: BatchOrder, config: Config, url: string | undefined): Promise<boolean> {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
  const app = await NestFactory.createApplicationContext(CommandModule.of(config, url), {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  try {
    await withTimeout(app.get(DatabaseService).whenReady(), DATABASE_TIMEOUT_MS).catch((cause: unknown) => {
      throw new StartupError(
        'PostgreSQL cannot be reached; see DATABASE_URL and POSTGRES_* in docs/configuration.md',
        {
          cause,
        },
      );
    });
    return await app.get(BatchCommand).run(order, print);
  } finally {
    await app.close();
  }
}

function print(line: string): void {
  console.log(line);
}

main()
  .then((succeeded) => process.exit(succeeded ? 0 : 1))
  .catch((error: unknown) => {
    if (error instanceof UsageError) console.error(`${error.message}\n\n${USAGE}`);
    else if (isDatabaseUnavailable(error))
      console.error('PostgreSQL has gone away; days without a line are not built. Run it again.');
    else if (error instanceof ConfigError || error instanceof StartupError)
      console.error(`\n${error.message}\n`);
    else console.error(error);
    process.exit(1);
  });
