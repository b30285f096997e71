import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findKafkaTools } from '../../scripts/kafka/artifacts.mjs';
import { DataSource } from 'typeorm';
import { KafkaBroker } from '../../scripts/kafka/broker.mjs';

/** One real PostgreSQL and one real Kafka for the whole run; every suite makes databases and topics of its own in them. */
export default async function globalSetup() {
  if (globalThis.testServers) return; // jest calls this once for every project
  globalThis.testServers = {};
  const [postgres, broker] = await Promise.all([startPostgres(), startKafka()]);
  Object.assign(globalThis.testServers, { postgres, broker });
}

async function startPostgres() {
  const built = new URL('../../dist/', import.meta.url);
  if (!existsSync(built))
    throw new Error('The service is not built: run "npm test", or "npm run build" before jest');
  const { EmbeddedPostgres } = await import(`${built.href}database/embedded-postgres.js`);
  const dataDir = mkdtempSync(join(tmpdir(), 'telecom-test-'));
  // The tests kill services, never this server: durability on disk would only cost time.
  const server = await EmbeddedPostgres.start({
    dataDir,
    settings: { fsync: 'off', max_connections: '200' },
  });
  process.env.TEST_DATABASE_URL = server.url;
  await makeTemplate(built, server.url);
  return { server, dataDir };
}

/** Migrated once: a copy of it takes a quarter to a third of the time that the migrations take, and there are hundreds of test databases. */
async function makeTemplate(built, url) {
  const { dataSourceOptions, migrate } = await import(`${built.href}database/data-source.js`);
  const { parseConfig } = await import(`${built.href}config/config.js`);
  const template = 'test_template';
  const run = async (database, work) => {
    const target = Object.assign(new URL(url), { pathname: `/${database}` }).toString();
    const dataSource = new DataSource(dataSourceOptions(parseConfig({}), target));
    await dataSource.initialize();
    await work(dataSource);
    await dataSource.destroy();
  };
  await run('postgres', (server) => server.query(`CREATE DATABASE ${template}`));
  await run(template, migrate);
  process.env.TEST_DATABASE_TEMPLATE = template;
}

/** KAFKA_BROKERS names a broker that is there already; otherwise a local one is started. */
async function startKafka() {
  if (process.env.KAFKA_BROKERS) {
    process.env.TEST_KAFKA_BROKERS = process.env.KAFKA_BROKERS;
    return undefined;
  }
  const { missing } = findKafkaTools();
  if (missing.length > 0) {
    const message = `The Kafka suites need ${missing.join(' and ')}, or KAFKA_BROKERS`;
    if (process.env.CI === 'true') throw new Error(message);
    console.warn(`\n  !! SKIPPED: ${message} !!\n`);
    return undefined;
  }
  const broker = await KafkaBroker.start({ fastStart: true, log: (line) => console.log(line) });
  process.env.TEST_KAFKA_BROKERS = broker.bootstrapServers;
  return broker;
}
