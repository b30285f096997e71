// The API with a year of data, while events flow in: npm run bench:api -- --rate 20000 --connections 10 --seconds 10
import { parseArgs } from 'node:util';
import { buildDays, fillDatabase } from './api-data.mjs';
import { pace, saturate } from './cannon.mjs';
import { createDatabase, startServers, startService } from './environment.mjs';
import { startLoad } from './load-process.mjs';
import { table, whole } from './report.mjs';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '20000' },
    connections: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '10' },
    /** Requests per second below saturation; less where the service can do less than twice as many. */
    'low-rate': { type: 'string', default: '100' },
    days: { type: 'string', default: '365' },
    anomalies: { type: 'string', default: '200000' },
    json: { type: 'boolean', default: false },
  },
});
const [rate, connections, seconds, lowRate, days, anomalies] = [
  ...[values.rate, values.connections, values.seconds],
  ...[values['low-rate'], values.days, values.anomalies],
].map(Number);
const DAY_MS = 86_400_000;
const TOPIC = 'api';
const WARM_UP_SECONDS = 1;

const daysAgo = (count) => new Date(Date.now() - count * DAY_MS).toISOString().slice(0, 10);
/** One that is far from both ends. */
const [day, dayAfter, monthAfter] = [0, 1, 30].map((later) => daysAgo(Math.floor(days / 2) - later));
const aDay = `from=${day}T00:00:00Z&to=${dayAfter}T00:00:00Z`;
const REQUESTS = [
  `/metrics?${aDay}&type=region_agg&key=Almaty&limit=1000`,
  `/metrics?${aDay}&limit=1000`,
  `/metrics?from=${daysAgo(0)}T00:00:00Z&limit=1000`,
  '/metrics',
  `/daily-stats?from=${day}&to=${monthAfter}&limit=1000`,
  `/daily-stats?date=${day}`,
  '/anomalies',
  '/anomalies?reason=invalid_duration',
  '/anomalies?q=Almaty',
  '/pipeline',
  '/health/ready',
  '/prometheus',
];
const say = values.json ? console.error : console.log;

const servers = await startServers();
let service, load;
const results = [];
try {
  const url = await createDatabase(servers.databaseUrl, 'api');
  const windows = await fillDatabase(url, { first: daysAgo(days), last: daysAgo(1), anomalies });
  const env = {
    ...{ DATABASE_URL: url, KAFKA_BROKERS: servers.brokers, KAFKA_TOPIC: TOPIC },
    // So that the watermark passes the days that shall be built.
    IDLE_TIMEOUT: '1s',
  };
  service = await startService(env, 24_106);
  await service.ready();
  await buildDays(service, daysAgo(days), daysAgo(0));
  say(`${whole(windows)} windows and daily stats of ${days} days, ${whole(anomalies)} anomalies`);
  load = await startLoad({ brokers: servers.brokers, topic: TOPIC, rate });
  for (const path of REQUESTS) await saturate(service.url + path, { connections, seconds: WARM_UP_SECONDS });
  for (const path of REQUESTS) {
    results.push(await measure(path));
    say(cells(results.at(-1)).join(' | '));
  }
} finally {
  await load?.stop();
  await service?.stop();
  await servers.stop();
}
const errors = results.reduce((sum, { saturated, low }) => sum + saturated.errors + low.errors, 0);
if (values.json)
  console.log(JSON.stringify({ rate, connections, seconds, lowRate, days, anomalies, results }, null, 2));
else {
  const head = ['request', 'req/s', 'p50, ms', 'p99', 'max', 'paced, req/s', 'p50, ms', 'p99', 'max'];
  console.log(`\n${table([...head, 'bytes', 'events/s', 'errors'], results.map(cells))}`);
}
if (errors > 0) console.error(`\n${errors} requests had no 2xx answer.`);
process.exit(errors === 0 ? 0 : 1);

/** @param {string} path */
async function measure(path) {
  const bytes = await sizeOf(path);
  const eventsSince = await load.measure();
  const saturated = await saturate(service.url + path, { connections, seconds });
  const pacedRate = Math.min(lowRate, Math.ceil(saturated.perSecond / 2));
  const low = { rate: pacedRate, ...(await pace(service.url + path, { rate: pacedRate, seconds })) };
  return { path, bytes, eventsPerSecond: await eventsSince(), saturated, low };
}

/** @throws when there is nothing in the answer: it would be too easy */
async function sizeOf(path) {
  const body = await (await fetch(service.url + path)).text();
  if (body.includes('"items":[]')) throw new Error(`${path} is empty`);
  return Buffer.byteLength(body);
}

function cells({ path, bytes, eventsPerSecond, saturated, low }) {
  const times = ({ p50, p99, max }) => [p50, p99, max].map((time) => time.toFixed(1));
  return [
    ...[`\`GET ${path}\``, whole(saturated.perSecond), ...times(saturated), whole(low.rate), ...times(low)],
    ...[whole(bytes), whole(eventsPerSecond), saturated.errors + low.errors],
  ];
}
