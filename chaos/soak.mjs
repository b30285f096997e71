// Half an hour of traffic with a replica restarted every minute; memory, files and latency have to stay flat: npm run test:soak -- --minutes 30
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Environment } from './environment.mjs';
import { Probe } from './probe.mjs';
import { quantile, spreadOf } from './report.mjs';
import { Round } from './round.mjs';
import { numberOf, optionsOf, orUsage } from './usage.mjs';

const values = optionsOf({
  minutes: { type: 'string', default: '30' },
  rate: { type: 'string', default: '20000' },
  seed: { type: 'string', default: '1' },
  /** A file for the figures. */
  json: { type: 'string' },
  keep: { type: 'boolean', default: false },
});
const { minutes, rate, seed } = orUsage(() => ({
  minutes: numberOf('minutes', values.minutes, { least: 1 }),
  rate: numberOf('rate', values.rate, { least: 1 }),
  seed: numberOf('seed', values.seed, { least: 0 }),
}));

/** In the second half: MB a minute, and files or handles a minute. */
const MOST_GROWTH = { rssMb: 2, files: 0.5, handles: 0.5 };
/** The second half's median latency by that of the first half. */
const MOST_SLOWDOWN = 1.5;

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => process.exit(130));

const environment = await Environment.start({ keep: values.keep });
const rows = [];
/** @type {string[]} */
const problems = [];
try {
  const round = await Round.begin(environment, {
    ...{ name: 'soak', seed, print: console.log },
    settings: { replicas: 2, rate },
  });
  try {
    await soak(round);
    problems.push(...(await round.judge()), ...growth());
    if (values.json) writeFileSync(values.json, JSON.stringify(figuresOf(round), null, 2));
  } catch (error) {
    problems.push(error.stack);
  } finally {
    await round.end();
  }
} finally {
  environment.keep ||= problems.length > 0;
  await environment.stop();
}
for (const problem of problems) console.log(`  ${problem}`);
console.log(`\n${problems.length === 0 ? '1 passed, 0 failed' : '0 passed, 1 failed'}`);
process.exit(problems.length === 0 ? 0 : 1);

/** The first replica stays and is watched; the other is restarted, in good order and by kill -9 in turn. */
async function soak(round) {
  const { replicas, log, environment } = round;
  const [steady] = replicas.running;
  const probe = await Probe.start({ brokers: environment.brokers, topic: round.name, replica: steady });
  const beganAt = performance.now();
  try {
    for (let minute = 1; minute <= minutes; minute++) {
      await restartOther(round, steady, minute % 2 === 0 ? 'kill -9' : 'SIGTERM');
      // The oracle keeps up, so that the verdict need not read it all.
      await log.readOn();
      await delay(Math.max(0, beganAt + minute * 60_000 - performance.now()));
      rows.push(rowOf(minute, steady, probe.take(), round));
      console.log(lineOf(rows.at(-1)));
    }
  } finally {
    await probe.stop();
  }
}

async function restartOther({ replicas, meter }, steady, how) {
  const other = replicas.running.find((replica) => replica !== steady);
  if (how === 'kill -9') await other.kill();
  else await other.stop();
  await replicas.scaleTo(2);
  await meter.recovered(how);
}

function figuresOf({ replicas, meter }) {
  const recovery = spreadOf(meter.recoveries.map(({ ms }) => ms));
  return { minutes, rate, rows, problems, recovery, ...replicas.sums };
}

function rowOf(minute, steady, latencies, round) {
  const { rssMb, files } = steady.usage();
  const records = [...round.log.progress.values()].reduce((sum, { consumed }) => sum + consumed, 0);
  return {
    ...{ minute, rssMb, files, handles: steady.counters.handles, records, probes: latencies.length },
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    recoveryMs: round.meter.recoveries.at(-1)?.ms,
  };
}

function lineOf({ minute, rssMb, files, handles, records, p50, p95, recoveryMs }) {
  return [
    `minute ${String(minute).padStart(3)}`,
    `${rssMb.toFixed(0)} MB`.padStart(7),
    `${files} files`,
    `${handles} handles`,
    `latency p50 ${p50?.toFixed(0)} ms, p95 ${p95?.toFixed(0)} ms`,
    `recovery ${(recoveryMs / 1000).toFixed(1)} s`,
    `${(records / 1e6).toFixed(1)} M records`,
  ].join('  ');
}

/** What has grown in the second half. */
function growth() {
  const half = rows.slice(Math.floor(rows.length / 2));
  if (half.length < 3) {
    console.log('Too short to tell whether anything grows; 6 minutes at least');
    return [];
  }
  const slopes = Object.entries(MOST_GROWTH).map(([name, most]) => ({
    name,
    most,
    slope: slopeOf(half, name),
  }));
  for (const { name, slope } of slopes)
    console.log(`${name} in the second half: ${slope.toFixed(2)} a minute`);
  const median = (list) =>
    quantile(
      list.map(({ p50 }) => p50),
      0.5,
    );
  const slowdown = median(half) / median(rows.slice(0, rows.length - half.length));
  console.log(`latency of the second half by that of the first: ${slowdown.toFixed(2)}`);
  return [
    ...slopes
      .filter(({ slope, most }) => slope > most)
      .map(
        ({ name, slope, most }) => `${name} grows by ${slope.toFixed(2)} a minute, at most ${most} is flat`,
      ),
    ...(slowdown > MOST_SLOWDOWN ? [`latency has grown ${slowdown.toFixed(2)} times`] : []),
  ];
}

/** Least squares, a minute. */
function slopeOf(list, name) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(list.map(({ minute }) => minute)), mean(list.map((row) => row[name]))];
  const covariance = mean(list.map((row) => (row.minute - x) * (row[name] - y)));
  return covariance / mean(list.map(({ minute }) => (minute - x) ** 2));
}
