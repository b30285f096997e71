// POST /events, to the durable answer: npm run bench:events -- --seconds 5 --log kafka --batches 1,1000 --connections 32
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { pickFreePort } from '../scripts/kafka/ports.mjs';
import { createDatabase, startServers, startService } from './environment.mjs';
import { encodings, requestBodies } from './post-bodies.mjs';
import { post } from './post-load.mjs';

const { values } = parseArgs({
  options: {
    /** Of each measurement. */
    seconds: { type: 'string', default: '4' },
    log: { type: 'string', default: 'kafka,embedded' },
    batches: { type: 'string', default: '1,100,1000' },
    connections: { type: 'string', default: '1,8,32' },
    encodings: { type: 'string', default: Object.keys(encodings).join() },
    json: { type: 'boolean', default: false },
    /** Folder for CPU profiles of the service. */
    profile: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const listed = (text) => text.split(',');
/** Before the first measurement, and before each kind of body. */
const FIRST_WARM_UP_SECONDS = 10;
const WARM_UP_SECONDS = 2;
const HEADERS = [
  ...['batch', 'as', 'connections', 'events/s', 'requests/s', 'p50 ms', 'p99 ms'],
  ...['service CPU s/million', "load's cores"],
];

const servers = await startServers();
const results = [];
try {
  for (const log of listed(values.log)) await measureLog(log);
} finally {
  await servers.stop();
}
if (values.json) console.log(JSON.stringify(results, null, 2));

async function measureLog(log) {
  const service = await startService(
    {
      DATABASE_URL: await createDatabase(servers.databaseUrl, `events_${log}`),
      ...(log === 'kafka' && { KAFKA_BROKERS: servers.brokers }),
    },
    await pickFreePort(),
    values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [],
  );
  try {
    await service.ready();
    let accepted = 0;
    const run = async (bodies, connections, duration) => {
      const load = await post({ url: `${service.url}/events`, bodies, connections, seconds: duration });
      accepted += load.events;
      await allTakenIn(service, accepted);
      return load;
    };
    await run(requestBodies('json', 1), 32, FIRST_WARM_UP_SECONDS);
    if (!values.json) console.log(`\n${log}\n${row(HEADERS)}`);
    for (const size of listed(values.batches).map(Number))
      for (const encoding of listed(values.encodings)) {
        const bodies = requestBodies(encoding, size);
        await run(bodies, 8, WARM_UP_SECONDS);
        for (const connections of listed(values.connections).map(Number)) {
          const before = service.cpuSeconds();
          const load = await run(bodies, connections, seconds);
          const cpu = ((service.cpuSeconds() - before) / load.events) * 1e6;
          const result = { log, batch: size, encoding, connections, ...load, serviceCpuPerMillion: cpu };
          results.push(result);
          if (!values.json) console.log(row(cells(result)));
        }
      }
    if (!values.json)
      console.log(
        `${accepted.toLocaleString('en')} events accepted, and as many taken in; peak RSS ${service.peakMb().toFixed(0)} MB`,
      );
  } finally {
    await service.stop();
  }
}

/** Waits until the ledger has all events that were accepted; more than that would be as wrong as less. */
async function allTakenIn(service, accepted) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { partitions } = await (await fetch(`${service.url}/pipeline`)).json();
    const consumed = partitions.reduce((sum, { ledger }) => sum + ledger.consumed, 0);
    if (consumed === accepted && partitions.every(({ lag }) => lag === 0)) return;
    if (consumed > accepted || Date.now() > deadline)
      throw new Error(`${accepted} events were accepted, ${consumed} are taken in`);
    await delay(50);
  }
}

function cells(result) {
  const whole = (value) => Math.round(value).toLocaleString('en');
  return [
    ...[result.batch, result.encoding, result.connections, whole(result.eventsPerSecond)],
    ...[whole(result.requestsPerSecond), result.p50.toFixed(1), result.p99.toFixed(1)],
    ...[result.serviceCpuPerMillion.toFixed(1), result.loadCores.toFixed(2)],
  ];
}

function row(texts) {
  return `| ${texts.map((text, column) => String(text).padStart(HEADERS[column].length)).join(' | ')} |`;
}
