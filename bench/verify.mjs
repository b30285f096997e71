// Long runs with every fault, and what the database holds of them beside their answer keys: npm run test:verify -- --events 1000000
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import { createDatabase, getJson, post, startServers, startService } from './environment.mjs';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '40000' },
    seed: { type: 'string' },
  },
});
const [events, rate] = [Number(values.events), Number(values.rate)];
const seed = values.seed === undefined ? {} : { seed: Number(values.seed) };
const everyFault = JSON.parse(readFileSync('test/fixtures/every-fault.json', 'utf8'));

const CASES = [
  { transport: 'kafka', replicas: 2, killed: false },
  { transport: 'kafka', replicas: 2, killed: true },
  { transport: 'embedded', replicas: 1, killed: false },
  { transport: 'embedded', replicas: 2, killed: true },
];
const PARTITIONS = 4;

const servers = await startServers();
const results = [];
try {
  for (const [number, each] of CASES.entries()) {
    results.push(await measure(each, number));
    console.log(JSON.stringify(results.at(-1)));
  }
} finally {
  await servers.stop();
}
console.table(results);
process.exit(results.every(({ differences }) => differences === 0) ? 0 : 1);

/** The first service reads first, the second one simulates: so the one that is killed has work to leave behind. */
async function measure({ transport, replicas, killed }, number) {
  const env = {
    DATABASE_URL: await createDatabase(servers.databaseUrl, `verify_${number}`),
    KAFKA_SESSION_TIMEOUT: '6s',
    ...(transport === 'kafka' && (await createTopic(`verify_${number}`))),
  };
  const services = [];
  try {
    for (let replica = 0; replica < replicas; replica++) {
      services.push(await startService(env, 24_300 + 10 * number + replica));
      await answering(services.at(-1));
    }
    const [reading, simulating] = [services[0], services.at(-1)];
    await settled(services, transport);
    const begunAt = performance.now();
    const { id } = await post(simulating, '/simulator/start', {
      ...everyFault,
      ...seed,
      eventsPerSecond: rate,
      totalEvents: events,
    });
    const run = () => getJson(simulating, `/simulator/runs/${id}`);
    if (killed) {
      while ((await run()).sent < events / 2) await delay(50);
      process.kill(reading.pid, 'SIGKILL');
      services.shift();
    }
    let last = await run();
    while (/running|paused/.test(last.status)) {
      await delay(50);
      last = await run();
    }
    if (last.status !== 'finished' || last.sent !== events) throw new Error(JSON.stringify(last));
    const found = await post(simulating, `/simulator/runs/${id}/verify`, { timeoutSeconds: 300 });
    for (const difference of found.differences.slice(0, 20)) console.error(JSON.stringify(difference));
    return {
      ...{ transport, replicas, killed, events: found.sent, seed: last.seed },
      'sent/s': Math.round(last.eventsPerSecond),
      'seconds until verified': Number(((performance.now() - begunAt) / 1000).toFixed(1)),
      'windows compared': found.windowsCompared,
      differences: found.matches ? 0 : found.differences.length,
    };
  } finally {
    for (const service of services) await service.stop();
  }
}

async function createTopic(topic) {
  const admin = new kafkajs.Kafka({ brokers: [servers.brokers], logLevel: kafkajs.logLevel.ERROR }).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: PARTITIONS }] });
  await admin.disconnect();
  return { KAFKA_BROKERS: servers.brokers, KAFKA_TOPIC: topic, KAFKA_GROUP_ID: topic };
}

/** One that stands by is not ready, but answers. */
async function answering({ url }) {
  while (!(await fetch(`${url}/metrics`).catch(() => undefined))?.ok) await delay(100);
}

/** All partitions are read, and by all replicas where the log can be shared. */
async function settled(services, transport) {
  const [all, owners] = transport === 'kafka' ? [PARTITIONS, services.length] : [1, 1];
  for (;;) {
    const { partitions } = await getJson(services[0], '/pipeline');
    if (partitions.length === all && new Set(partitions.map(({ owner }) => owner)).size === owners) return;
    await delay(100);
  }
}
