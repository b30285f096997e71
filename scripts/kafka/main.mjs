// @ts-check `npm run kafka`: a local Apache Kafka for development, until Ctrl-C. Runs before anything is
//   installed or built.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { KAFKA_VERSION } from './artifacts.mjs';
import { KafkaBroker } from './broker.mjs';
import { KafkaSetupError } from './kafka-setup-error.mjs';

const DEFAULT_PORT = 9092;
const DEFAULT_DATA_DIR = fileURLToPath(new URL('../../.data/kafka', import.meta.url));

const dir = path.resolve(process.env['KAFKA_DATA_DIR'] || DEFAULT_DATA_DIR);
/** @type {KafkaBroker | undefined} */
let broker;
let stopping = false;

// SIGHUP: the terminal was closed.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => void stop());

try {
  broker = await KafkaBroker.start({ port: readPort(), dir, log: console.log });
  console.log(
    `Apache Kafka ${KAFKA_VERSION} is up on ${broker.bootstrapServers}, data and broker.log in ${shorten(dir)}`,
  );
  console.log(`  use it:  KAFKA_BROKERS=${broker.bootstrapServers} npm start`);
  console.log(`  stop it: Ctrl-C (the data stays; remove ${shorten(dir)} to start afresh)`);
} catch (error) {
  console.error(error instanceof KafkaSetupError ? error.message + hintFor(error) : error);
  process.exit(1);
}

const ending = await broker.waitForEnd();
if (!stopping) {
  console.error(`Kafka ended by itself (${ending}); see ${shorten(broker.logFile)}`);
  process.exitCode = 1;
}

async function stop() {
  // A second Ctrl-C, or one during the start: at once. Whatever runs is killed on exit, and Kafka recovers at
  // the next start.
  if (stopping || !broker) process.exit(130);
  stopping = true;
  console.log('Stopping Kafka ...');
  await broker.stop();
  console.log('Kafka has stopped.');
}

function readPort() {
  const text = process.env['KAFKA_PORT'] || String(DEFAULT_PORT);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new KafkaSetupError(`KAFKA_PORT must be a port number, 0 for any free one, not '${text}'.`);
  }
  return port;
}

/** @param {KafkaSetupError} error */
function hintFor(error) {
  return error.code === 'EADDRINUSE'
    ? ' Stop what listens there, or choose another: KAFKA_PORT=9093 npm run kafka'
    : '';
}

/** @param {string} file */
function shorten(file) {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
