// What a service with a long backlog is like to live with: npm run bench:backlog -- --events 10000000
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { differences } from './answer.mjs';
import { timeOf } from './cannon.mjs';
import { createDatabase, startServers, startService } from './environment.mjs';
import { loadTopic } from './load-topic.mjs';
import { quantile, table, whole } from './report.mjs';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    partitions: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});
const [events, partitions] = [Number(values.events), Number(values.partitions)];
const TOPIC = 'backlog';
const PATHS = ['/metrics?limit=1000', '/metrics?type=region_agg&key=Almaty', '/pipeline', '/health/ready'];
/** Between two requests, of which each asks for the next path. */
const ASK_MS = 25;
const LOOK_MS = 50;

const servers = await startServers();
const url = await createDatabase(servers.databaseUrl, TOPIC);
const database = new pg.Client({ connectionString: url });
let service;
try {
  console.error(`Loading ${whole(events)} events …`);
  const { answer } = await loadTopic({ brokers: servers.brokers, topic: TOPIC, events, partitions });
  await database.connect();
  const env = {
    DATABASE_URL: url,
    KAFKA_BROKERS: servers.brokers,
    KAFKA_TOPIC: TOPIC,
    KAFKA_GROUP_ID: TOPIC,
  };
  service = await startService(env, 24_110);
  await service.ready();
  const draining = new AbortController();
  const asking = ask(draining.signal);
  const drained = await watch();
  draining.abort();
  const api = await asking;
  const wrong = await differences(database, TOPIC, answer);
  report({ ...drained, api, wrong: wrong.length });
  if (wrong.length > 0) throw new Error(`${wrong.length} differences, the first: ${wrong[0]}`);
  if (drained.claims > 1) throw new Error('A partition was claimed anew: the group membership was lost');
} finally {
  await service?.stop();
  await database.end().catch(() => undefined);
  await servers.stop();
}

/** Follows the checkpoints to the end. */
async function watch() {
  const rss = [];
  const flushes = new Map();
  for (;;) {
    const { rows } = await database.query(
      `SELECT sum(consumed)::float8 AS consumed, max(epoch)::integer AS claims, min(claimed_at) AS claimed,
              max(last_flush_at) AS flushed, max(last_flush_ms) AS ms FROM ingest_partitions`,
    );
    const [{ consumed, claims, claimed, flushed, ms }] = rows;
    rss.push(rssMb());
    if (flushed) flushes.set(flushed.getTime(), ms);
    if (consumed >= events) {
      const times = [...flushes.keys()];
      const quarter = Math.ceil(rss.length / 4);
      return {
        seconds: (flushed - claimed) / 1000,
        claims,
        longestBetweenFlushes: Math.max(...times.slice(1).map((time, index) => time - times[index])),
        longestFlush: Math.max(...flushes.values()),
        rss: {
          firstQuarter: Math.max(...rss.slice(0, quarter)),
          lastQuarter: Math.max(...rss.slice(-quarter)),
        },
        peakMb: service.peakMb(),
      };
    }
    await delay(LOOK_MS);
  }
}

/** @returns {Promise<Record<string, number[]>>} milliseconds by path, sorted; an error is Infinity */
async function ask(signal) {
  const agent = new Agent({ keepAlive: true });
  const times = Object.fromEntries(PATHS.map((path) => [path, []]));
  const asked = [];
  for (let turn = 0; !signal.aborted; turn++) {
    const path = PATHS[turn % PATHS.length];
    asked.push(timeOf(service.url + path, agent).then((time) => times[path].push(time ?? Infinity)));
    await delay(ASK_MS);
  }
  await Promise.all(asked);
  agent.destroy();
  for (const each of Object.values(times)) each.sort((a, b) => a - b);
  return times;
}

function rssMb() {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

function report({ api, ...drained }) {
  const shots = Object.entries(api).map(([path, times]) => ({
    path,
    requests: times.length,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    max: quantile(times, 1),
  }));
  if (values.json) {
    console.log(JSON.stringify({ events, ...drained, api: shots }, null, 2));
    return;
  }
  console.log(
    `${whole(events)} events in ${drained.seconds.toFixed(1)} s (${whole(events / drained.seconds)}/s), ${drained.wrong} differences
longest time between two flushes ${whole(drained.longestBetweenFlushes)} ms, longest flush ${whole(drained.longestFlush)} ms, partitions claimed ${drained.claims} time(s)
RSS at most ${whole(drained.rss.firstQuarter)} MB in the first quarter of the time, ${whole(drained.rss.lastQuarter)} MB in the last, ${whole(drained.peakMb)} MB in all
`,
  );
  console.log(
    table(
      ['request', 'requests', 'p50, ms', 'p99, ms', 'max, ms'],
      shots.map((shot) => [
        `\`GET ${shot.path}\``,
        shot.requests,
        ...[shot.p50, shot.p99, shot.max].map((time) => time.toFixed(1)),
      ]),
    ),
  );
}
