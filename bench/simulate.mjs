// How true the simulator's rates are, its highest one, and the API beside it: npm run bench:simulate -- --seconds 10 --json
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { createDatabase, getJson, post, startServers, startService } from './environment.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rates: { type: 'string', default: '1,10,100,1000,10000,50000,100000,200000' },
    'api-rate': { type: 'string', default: '50000' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const rates = values.rates.split(',').map(Number);
const TOPIC = 'simulate';
const HIGHEST = 200_000;
/** A run that cannot keep its rate takes longer; it is ended after this many times its length. */
const PATIENCE = 1.5;

const say = values.json ? () => undefined : console.log;
const servers = await startServers();
const url = await createDatabase(servers.databaseUrl, 'simulate');
const database = new pg.Client({ connectionString: url });
let service;
try {
  await createTopic();
  service = await startService(
    { DATABASE_URL: url, KAFKA_BROKERS: servers.brokers, KAFKA_TOPIC: TOPIC, KAFKA_GROUP_ID: TOPIC },
    24_105,
  );
  while (!(await fetch(`${service.url}/health/ready`).catch(() => undefined))?.ok) await delay(100);
  await database.connect();
  await measure(1000, 3); // so that the first figure is not that of cold code
  say('With the pipeline running:');
  const accuracy = [];
  for (const rate of rates) accuracy.push(await measure(rate, rate === 1 ? 3 * seconds : seconds));
  const withPipeline = await measure(HIGHEST, 2 * seconds);
  say('With nothing checkpointed, so that the pipeline soon takes in no more:');
  const alone = await withoutIngestion(() => measure(HIGHEST, 2 * seconds));
  say(`The API while ${values['api-rate']} events a second are simulated:`);
  const api = await measureApi(Number(values['api-rate']));
  if (values.json) console.log(JSON.stringify({ accuracy, highest: { withPipeline, alone }, api }, null, 2));
} finally {
  await database.end().catch(() => undefined);
  await service?.stop();
  await servers.stop();
}

async function createTopic() {
  const admin = new kafkajs.Kafka({ brokers: [servers.brokers], logLevel: kafkajs.logLevel.ERROR }).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: TOPIC, numPartitions: 4 }] });
  await admin.disconnect();
}

function get(path) {
  return getJson(service, path);
}

/** A run of that many seconds, and the CPU that the service has used meanwhile, pipeline and all. */
async function measure(rate, duration) {
  await idle();
  const { id } = await post(service, '/simulator/start', {
    eventsPerSecond: rate,
    durationSeconds: duration,
  });
  while ((await get(`/simulator/runs/${id}`)).sent === 0) await delay(10);
  const [begunAt, cpu] = [performance.now(), service.cpuSeconds()];
  const elapsed = () => (performance.now() - begunAt) / 1000;
  let run = await get(`/simulator/runs/${id}`);
  while (run.status === 'running' && elapsed() < duration * PATIENCE) {
    await delay(100);
    run = await get(`/simulator/runs/${id}`);
  }
  const cores = (service.cpuSeconds() - cpu) / elapsed();
  if (run.status === 'running') run = await post(service, '/simulator/stop');
  const result = {
    asked: rate,
    sent: run.sent,
    perSecond: run.eventsPerSecond,
    errorPercent: Number((((run.eventsPerSecond - rate) / rate) * 100).toFixed(2)),
    cores: Number(cores.toFixed(2)),
    peakMb: Math.round(service.peakMb()),
  };
  say(
    `  asked ${rate}/s: ${result.sent} events, ${result.perSecond}/s (${result.errorPercent} %), ${result.cores} cores, peak RSS ${result.peakMb} MB`,
  );
  return result;
}

/** All that was sent is checkpointed. */
async function idle() {
  for (;;) {
    const { partitions } = await get('/pipeline');
    if (partitions.length === 4 && partitions.every(({ lag }) => lag === 0)) return;
    await delay(200);
  }
}

/** Checkpoints that cannot be written stop the pipeline: it holds only so much in memory. */
async function withoutIngestion(work) {
  await idle();
  await database.query('BEGIN');
  await database.query('SELECT FROM ingest_partitions FOR UPDATE');
  try {
    return await work();
  } finally {
    await database.query('ROLLBACK');
  }
}

/** One request after the other, for as long as a run lasts. */
async function measureApi(rate) {
  await idle();
  const [from, to] = [Date.now() - 86_400_000, Date.now()].map((instant) => new Date(instant).toISOString());
  const paths = [`/metrics?from=${from}&to=${to}&limit=1000`, '/health/live'];
  await post(service, '/simulator/start', { eventsPerSecond: rate });
  await delay(2_000);
  const times = paths.map(() => []);
  for (const end = performance.now() + 2 * seconds * 1000; performance.now() < end; await delay(5))
    for (const [which, path] of paths.entries()) {
      const askedAt = performance.now();
      await get(path);
      times[which].push(performance.now() - askedAt);
    }
  const { eventsPerSecond } = await post(service, '/simulator/stop');
  return {
    perSecond: Math.round(eventsPerSecond),
    requests: paths.map((path, which) => {
      const figures = { path: path.split('?')[0], requests: times[which].length, ...quantiles(times[which]) };
      say(
        `  GET ${figures.path}: p50 ${figures.p50} ms, p99 ${figures.p99} ms, max ${figures.max} ms, of ${figures.requests}, beside ${Math.round(eventsPerSecond)} events/s`,
      );
      return figures;
    }),
  };
}

function quantiles(times) {
  times.sort((a, b) => a - b);
  const at = (share) =>
    Number(times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
