import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findKafkaTools } from '../../scripts/kafka/artifacts.mjs';
import { KafkaBroker } from '../../scripts/kafka/broker.mjs';

/** One real PostgreSQL and one real Kafka for the whole run; every suite makes databases and topics of its own in them. */
export default async function globalSetup() {
  if (globalThis.testServers) return; // jest calls this once for every project
  globalThis.testServers = {};
  const [postgres, broker] = await Promise.all([startPostgres(), startKafka()]);
  Object.assign(globalThis.testServers, { postgres, broker });
}

async function startPostgres() {
  const built = new URL('../../dist/database/embedded-postgres.js', import.meta.url);
  if (!existsSync(built))
    throw new Error('The service is not built: run "npm test", or "npm run build" before jest');
  const { EmbeddedPostgres } = await import(built.href);
  const dataDir = mkdtempSync(join(tmpdir(), 'telecom-test-'));
  // The tests kill services, never this server: durability on disk would only cost time.
  const server = await EmbeddedPostgres.start({
    dataDir,
    settings: { fsync: 'off', max_connections: '200' },
  });
  process.env.TEST_DATABASE_URL = server.url;
  return { server, dataDir };
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
