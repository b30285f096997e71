// Building days: a very large one, and a year of ordinary ones by backfill: npm run bench:daily
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createDatabase, post, startPostgres, startService } from './environment.mjs';
import { addWindows, eventTypes, regions } from './metric-data.mjs';

const DAY_MS = 86_400_000;
const daysAgo = (days) => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
const [LARGE_DAY, FROM, YESTERDAY, TO] = [daysAgo(400), daysAgo(366), daysAgo(1), daysAgo(0)];

const postgres = await startPostgres();
const url = await createDatabase(postgres.url, 'daily');
const service = await startService(
  { DATABASE_URL: url, SIMULATOR_AUTOSTART: 'false', IDLE_TIMEOUT: '1s', LOG_LEVEL: 'warn' },
  24_102,
);
const database = new pg.Client({ connectionString: url });
try {
  while (!(await fetch(`${service.url}/health/ready`).catch(() => undefined))?.ok) await delay(100);
  await database.connect();
  await post(service, '/batch/pause');
  await idle();

  const large = await add(LARGE_DAY, LARGE_DAY, 1000);
  const single = await measured(() => post(service, '/batch/run', { date: LARGE_DAY }));
  report(`1 day, ${large} windows of 1,000 regions and 7 event types`, single);

  // The year is all there is then, so that the backfill has nothing to catch up with beside it.
  await database.query('DELETE FROM real_time_metrics');
  const year = await add(FROM, YESTERDAY, 4);
  const backfill = await measured(async () => {
    const { runs } = await post(service, '/batch/backfill', { from: FROM, to: TO, mode: 'all' });
    if (runs.length !== 366) throw new Error(`${runs.length} runs instead of 366`);
    await post(service, '/batch/resume');
    await until(
      async () => (await count(`batch_runs WHERE trigger = 'backfill' AND status = 'succeeded'`)) === 366,
    );
  });
  report(`366 days, ${year} windows of 4 regions and 7 event types, by POST /batch/backfill`, backfill);
} finally {
  await database.end();
  await service.stop();
  await postgres.stop();
}

/** @returns {Promise<number>} how many */
function add(first, last, count) {
  const keys = { eventTypes: eventTypes(7), regions: regions(count) };
  return addWindows((sql, parameters) => database.query(sql, parameters), { first, last, ...keys });
}

async function measured(work) {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function report(what, ms) {
  console.log(
    `${what}: ${(ms / 1000).toFixed(2)} s, peak RSS of the service ${service.peakMb().toFixed(0)} MB`,
  );
}

async function count(from) {
  return Number((await database.query(`SELECT count(*) FROM ${from}`)).rows[0].count);
}

async function idle() {
  await until(async () =>
    (await (await fetch(`${service.url}/pipeline`)).json()).partitions.every(
      ({ status }) => status === 'idle',
    ),
  );
}

async function until(condition) {
  while (!(await condition())) await delay(20);
}
