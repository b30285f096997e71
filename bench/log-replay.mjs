// Windows made anew from the log, beside ingestion: npm run bench:log-replay -- --events 2000000 --rate 20000
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { createDatabase, post, startServers, startService } from './environment.mjs';
import { loadTopic } from './load-topic.mjs';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    partitions: { type: 'string', default: '4' },
    rate: { type: 'string', default: '20000' },
  },
});
const [events, partitions, rate] = [values.events, values.partitions, values.rate].map(Number);

const servers = await startServers();
const url = await createDatabase(servers.databaseUrl, 'log_replay');
const database = new pg.Client({ connectionString: url });
let service;
try {
  console.log(`Loading ${events} events into ${partitions} partitions …`);
  await loadTopic({ brokers: servers.brokers, topic: 'bench', events, partitions });
  service = await startService(
    { DATABASE_URL: url, KAFKA_BROKERS: servers.brokers, KAFKA_TOPIC: 'bench', KAFKA_GROUP_ID: 'bench' },
    24_104,
  );
  await service.ready();
  await database.connect();
  while ((await consumed()) < events) await delay(200);
  const { rows } = await database.query(
    `SELECT min(window_start) AS first, max(window_end) AS last FROM real_time_metrics`,
  );
  const range = { from: rows[0].first.toISOString(), to: rows[0].last.toISOString() };
  console.log(`without other traffic, peak RSS so far ${service.peakMb().toFixed(0)} MB:`);
  for (const dryRun of [true, false]) await measure({ ...range, dryRun });
  await post(service, '/simulator/start', { eventsPerSecond: rate });
  await delay(2_000);
  console.log(`while ${rate} events a second flow in:`);
  for (let round = 0; round < 5; round++) await measure({ ...range, dryRun: false });
  const { run } = await (await fetch(`${service.url}/simulator`)).json();
  console.log(`the simulator kept ${run.eventsPerSecond} events a second meanwhile`);
} finally {
  await database.end().catch(() => undefined);
  await service?.stop();
  await servers.stop();
}

async function consumed() {
  const { rows } = await database.query(
    `SELECT coalesce(sum(consumed), 0) AS consumed FROM ingest_partitions`,
  );
  return Number(rows[0].consumed);
}

async function measure(body) {
  await database.query(`UPDATE real_time_metrics SET metric_value = -1 WHERE metric_key = 'sms_incoming'`);
  const startedAt = performance.now();
  const { id } = await post(service, '/replays', { source: 'log', ...body });
  let replay;
  do {
    await delay(50);
    replay = await (await fetch(`${service.url}/replays/${id}`)).json();
  } while (/planned|running/.test(replay.status));
  if (replay.status !== 'succeeded' || replay.changes.length === 0)
    throw new Error(JSON.stringify({ ...replay, changes: replay.changes.length }));
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `  ${body.dryRun ? 'dry run' : 'replay'}: ${replay.recordsRead.toLocaleString('en')} records in ${seconds.toFixed(1)} s, ${Math.round(replay.recordsRead / seconds).toLocaleString('en')} a second${body.dryRun ? '' : `, ingestion paused for ${replay.ingestionPausedMs} ms`}, peak RSS ${service.peakMb().toFixed(0)} MB`,
  );
}
