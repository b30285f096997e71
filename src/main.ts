import './memory.js';
import 'reflect-metadata';
import { createServer, type AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import dotenv from 'dotenv';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module.js';
import {
  ConfigError,
  parseConfig,
  simulatesAtBoot,
  usesEmbeddedLog,
  usesEmbeddedPostgres,
  type Config,
} from './config/config.js';
import { StartupError } from './config/startup-error.js';
import { EmbeddedPostgres } from './database/embedded-postgres.js';
import { configureHttp, createFastifyAdapter } from './http/configure-http.js';
import { EventSource } from './transport/event-source.js';

const startedAt = performance.now();

async function main(): Promise<void> {
  dotenv.config({ quiet: true });
  const config = parseConfig(process.env);
  await assertPortIsFree(config);
  const postgres = usesEmbeddedPostgres(config)
    ? await EmbeddedPostgres.start({ dataDir: config.DATA_DIR, progress: print })
    : undefined;
  try {
    const app = await start(config, postgres?.url ?? config.DATABASE_URL);
    stopOnSignals(app, postgres, config);
    const { port } = app.getHttpServer().address() as AddressInfo;
    app
      .get(Logger)
      .log(
        `Listening on ${config.HOST}:${port}, reading ${config.KAFKA_BROKERS ? `Kafka topic ${config.KAFKA_TOPIC}` : 'the embedded log'}`,
      );
    printWelcome(config, port);
  } catch (error) {
    await postgres?.stop();
    throw error;
  }
}

async function start(config: Config, databaseUrl: string | undefined): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.of(config, databaseUrl),
    createFastifyAdapter(config),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
    { bufferLogs: true, abortOnError: false },
  );
  app.useLogger(app.get(Logger));
  configureHttp(app, config);
  app.connectMicroservice({ strategy: app.get(EventSource) }, { inheritAppConfig: false });
  await app.startAllMicroservices();
  await app.listen(config.PORT, config.HOST);
  return app;
}

/** Stops taking events, flushes, checkpoints and closes; a second signal, or SHUTDOWN_TIMEOUT, ends the process at once. */
function stopOnSignals(
  app: NestFastifyApplication,
  postgres: EmbeddedPostgres | undefined,
  config: Config,
): void {
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    const logger = app.get(Logger);
    logger.log(`${signal}: storing what is in memory, then stopping`);
    setTimeout(() => {
      logger.error(
        `Not stopped within ${config.SHUTDOWN_TIMEOUT / 1000} s; what was not stored will be read again from the log`,
      );
      process.exit(1);
    }, config.SHUTDOWN_TIMEOUT).unref();
    await app.close();
    await postgres?.stop();
    logger.log('Stopped; everything taken in is stored');
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      stop(signal).catch((error: unknown) => {
        console.error(error);
        process.exit(1);
      });
    });
}

/** Found out before anything is started, so that a newcomer's second terminal gets one line and nothing else. */
async function assertPortIsFree({ PORT, HOST }: Config): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(PORT, HOST, resolve));
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, PORT, HOST) ?? error;
  }
  await new Promise((closed) => server.close(closed));
}

function listenError({ code }: NodeJS.ErrnoException, port: number, host: string): StartupError | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return new StartupError(
        `Port ${port} on ${host} is in use by another program: stop it, or choose another port with PORT=3001 npm start`,
      );
    case 'EACCES':
      return new StartupError(
        `No permission to listen on port ${port}: choose one from 1024 up with PORT=3000 npm start`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartupError(`HOST=${host} is no address of this machine`);
    default:
      return undefined;
  }
}

function printWelcome(config: Config, port: number): void {
  if (process.env.NODE_ENV === 'production') return;
  const host = config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST;
  const url = `http://${host}:${port}`;
  print(`
  Ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s

  Dashboard    ${url}/
  API docs     ${url}/docs
  Events       ${usesEmbeddedLog(config) ? 'embedded log; for Kafka: KAFKA_BROKERS=host:9092 npm start' : `Kafka topic ${config.KAFKA_TOPIC} at ${config.KAFKA_BROKERS?.join(', ') ?? ''}`}
  PostgreSQL   ${usesEmbeddedPostgres(config) ? `embedded, data in ${config.DATA_DIR} (psql "$(cat ${config.DATA_DIR}/postgres.url)"); for your own: DATABASE_URL=postgresql://…` : 'yours'}
  Simulator    ${simulatesAtBoot(config) ? `on, ${config.SIMULATOR_AUTOSTART_RATE} events/s; off with SIMULATOR_AUTOSTART=false` : `off; POST ${url}/simulator/start`}

  Ctrl-C stops it without loss; the next start goes on from there.
`);
}

function print(text: string): void {
  console.log(text);
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError || error instanceof StartupError) console.error(`\n${error.message}\n`);
  else console.error(error);
  process.exit(1);
});
