// From publishing an event to seeing it in GET /metrics, under load: npm run bench:latency -- --rates 1000,10000 --probes 200
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createDatabase, getJson, startServers, startService } from './environment.mjs';
import { startLoad } from './load-process.mjs';
import { Probes } from './probes.mjs';
import { quantile, table, whole } from './report.mjs';

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '1000,10000,50000,100000' },
    probes: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
});
const rates = values.rates.split(',').map(Number);
const count = Number(values.probes);
const TOPIC = 'latency';
/** Of load before the first probe. */
const WARM_UP_MS = 5_000;

const servers = await startServers();
let service, probes;
const results = [];
try {
  service = await startService(
    {
      DATABASE_URL: await createDatabase(servers.databaseUrl, 'latency'),
      KAFKA_BROKERS: servers.brokers,
      KAFKA_TOPIC: TOPIC,
    },
    24_101,
  );
  await service.ready();
  probes = new Probes({ brokers: servers.brokers, topic: TOPIC, service });
  await probes.connect();
  for (const rate of rates) {
    results.push(await measure(rate));
    if (!values.json) console.log(line(results.at(-1)));
  }
} finally {
  await probes?.close();
  await service?.stop();
  await servers.stop();
}
if (values.json) console.log(JSON.stringify({ probes: count, results }, null, 2));
else {
  const head = [
    'asked/s',
    'really/s',
    'p50, ms',
    'p99, ms',
    'max, ms',
    'behind at the end',
    'CPU, cores',
    'peak RSS, MB',
  ];
  console.log(`\n${table(head, results.map(cells))}\n\n${count} probes each.`);
}

async function measure(rate) {
  const load = await startLoad({ brokers: servers.brokers, topic: TOPIC, rate });
  try {
    await delay(WARM_UP_MS);
    const rateSince = await load.measure();
    const [cpu, startedAt] = [service.cpuSeconds(), performance.now()];
    const meanwhile = {};
    const times = await probes.measure(count, async () => {
      meanwhile.cores = (service.cpuSeconds() - cpu) / ((performance.now() - startedAt) / 1000);
      meanwhile.reached = await rateSince();
      meanwhile.behind = (await load.end()) - (await stored());
    });
    times.sort((a, b) => a - b);
    return {
      asked: rate,
      ...meanwhile,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      max: times.at(-1),
      peakMb: service.peakMb(),
    };
  } finally {
    const events = await load.stop();
    while ((await stored()) < events) await delay(100);
  }
}

/** Events up to the checkpoints. */
async function stored() {
  const { partitions } = await getJson(service, '/pipeline');
  return partitions.reduce((sum, { position }) => sum + Number(position), 0);
}

function cells({ asked, reached, p50, p99, max, behind, cores, peakMb }) {
  return [...[asked, reached, p50, p99, max, behind].map(whole), cores.toFixed(2), whole(peakMb)];
}

function line(result) {
  const [asked, reached, p50, p99, max] = cells(result);
  return `${asked} events/s (really ${reached}): p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`;
}
