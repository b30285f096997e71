// Faults under load, and a verdict after each round: npm run test:chaos -- --seed 1 --only zombies,broker-killed
import { writeFileSync } from 'node:fs';
import { Environment } from './environment.mjs';
import { play } from './play.mjs';
import { Random } from './random.mjs';
import { render, summarise } from './report.mjs';
import { selected, suites } from './suites.mjs';
import { numberOf, optionsOf, orUsage } from './usage.mjs';

const values = optionsOf({
  /** The same seed does the same faults in the same order at the same moments, as far as processes let it. */
  seed: { type: 'string' },
  /** So many rounds, drawn from the scenarios; default: each of them once. */
  rounds: { type: 'string' },
  /** Rounds until this time is over. */
  minutes: { type: 'string' },
  /** Names of scenarios or suites, with commas between them. */
  only: { type: 'string', default: 'all' },
  list: { type: 'boolean', default: false },
  /** Leave the logs of all processes, also of rounds that passed. */
  keep: { type: 'boolean', default: false },
  /** A file for the figures. */
  json: { type: 'string' },
});

if (values.list) {
  for (const [suite, scenarios] of Object.entries(suites))
    for (const { name, about } of scenarios) console.log(`${suite.padEnd(9)} ${name.padEnd(22)} ${about}`);
  process.exit(0);
}

const { seed, rounds, minutes, scenarios } = orUsage(() => ({
  seed: numberOf('seed', values.seed, { least: 0 }) ?? Math.floor(Math.random() * 1e6),
  rounds: numberOf('rounds', values.rounds, { least: 1 }),
  minutes: numberOf('minutes', values.minutes, { least: 0, whole: false }),
  scenarios: selected(values.only),
}));
console.log(`seed ${seed}`);

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => process.exit(130)); // what was started ends with us

const environment = await Environment.start({ keep: values.keep });
/** @type {import('./play.mjs').Outcome[]} */
const outcomes = [];
try {
  for (const { scenario, seed } of plan()) outcomes.push(await playOne(scenario, seed));
} finally {
  // Whoever looks into a failure wants the logs.
  environment.keep ||= outcomes.some(({ status }) => status === 'failed');
  await environment.stop();
}

const summary = summarise(outcomes);
console.log(`\n${render(summary)}`);
for (const { name, seed } of outcomes.filter(({ status }) => status === 'failed'))
  console.log(`FAILED: ${name}; again: npm run test:chaos -- --seed ${seed} --only ${name}`);
if (environment.keep) console.log(`logs: ${environment.folder}`);
if (values.json) writeFileSync(values.json, JSON.stringify({ seed, ...summary, rounds: outcomes }, null, 2));
console.log(`\n${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`);
// What was not played has not passed.
process.exit(summary.failed === 0 && summary.passed > 0 ? 0 : 1);

async function playOne(scenario, seed) {
  console.log(`\n${scenario.name}: ${scenario.about}`);
  const outcome = await play(environment, scenario, { seed, print: console.log });
  console.log(
    `  ${outcome.status} in ${outcome.seconds.toFixed(0)} s: ${outcome.records ?? 0} records, ${outcome.differences ?? 0} differences, ${outcome.fenced ?? 0} fenced flushes, ${outcome.redelivered ?? 0} redelivered, ${(outcome.peakMb ?? 0).toFixed(0)} MB`,
  );
  for (const problem of outcome.problems) console.log(`    ${problem.replaceAll('\n', '\n    ')}`);
  return outcome;
}

/** The rounds. A name that comes again has a seed of its own, with which that round can be had alone. */
function* plan() {
  const random = new Random(seed);
  const most = rounds ?? (minutes === undefined ? scenarios.length : Infinity);
  const endsAt = minutes === undefined ? Infinity : performance.now() + minutes * 60_000;
  const inOrder = rounds === undefined && minutes === undefined;
  for (let round = 0; round < most;) {
    for (const scenario of inOrder ? scenarios : random.shuffle(scenarios)) {
      if (round++ >= most || performance.now() > endsAt) return;
      yield { scenario, seed: seed + Math.floor((round - 1) / scenarios.length) };
    }
  }
}
