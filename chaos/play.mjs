import { Round } from './round.mjs';

/** Differences that are shown; a broken service has thousands. */
const SHOWN = 20;

/**
 * @typedef {object} Outcome
 * @property {string} name
 * @property {number} seed
 * @property {'passed' | 'failed' | 'skipped'} status
 * @property {number} seconds
 * @property {string[]} problems why it failed: an error, what was to be seen and was not, differences between database and log
 * @property {number} [differences]
 * @property {number} [records] that the verdict is about
 * @property {number} [fenced] flushes
 * @property {number} [redelivered] records that were taken in more than once; at least, as a killed replica does not tell its last
 * @property {number} [peakMb]
 * @property {number} [replicasStarted]
 * @property {{ fault: string, ms: number }[]} [recoveries]
 * @property {{ at: number, text: string }[]} [events]
 */

/**
 * Plays a scenario: a round of its own, its faults, the verdict.
 * @param {import('./environment.mjs').Environment} environment
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {{ seed: number, print: (line: string) => void }} options
 * @returns {Promise<Outcome>}
 */
export async function play(environment, scenario, { seed, print }) {
  const { name } = scenario;
  const beganAt = performance.now();
  const seconds = () => (performance.now() - beganAt) / 1000;
  const postgres = scenario.ownPostgres ? await scenario.ownPostgres(environment) : undefined;
  if (postgres === null) {
    print(`  !! SKIPPED: ${name} cannot be played on this machine`);
    return { name, seed, status: 'skipped', seconds: seconds(), problems: [] };
  }
  /** @type {Round | undefined} */
  let round;
  const problems = [];
  let differences = [];
  try {
    round = await Round.begin(environment, {
      // A database's name.
      name: `${name}_${seed}`.replaceAll('-', '_'),
      seed: mix(seed, name),
      settings: scenario.settings,
      postgres,
      print,
    });
    differences = /** @type {string[] | undefined} */ (await scenario.run(round)) ?? [];
    if (differences.length === 0) differences = await round.judge();
  } catch (error) {
    problems.push(error.stack);
  } finally {
    await round?.end();
    await postgres?.stop();
  }
  if (scenario.mustDiffer && problems.length === 0) {
    if (differences.length > 0) print(`  found, as it must be: ${differences[0]}`);
    else problems.push('The suite has not noticed that the service lacks a bolt');
  } else if (!scenario.mustDiffer) {
    problems.push(...(round?.violations ?? []), ...differences.slice(0, SHOWN));
    if (differences.length > SHOWN) problems.push(`and ${differences.length - SHOWN} differences more`);
  }
  return {
    ...{ name, seed, status: problems.length === 0 ? 'passed' : 'failed', seconds: seconds(), problems },
    differences: differences.length,
    ...(round && figuresOf(round)),
  };
}

/** @param {Round} round */
function figuresOf({ replicas, meter, log, events }) {
  const records = [...(log?.progress ?? [])].reduce((sum, [, { consumed }]) => sum + consumed, 0);
  const { taken = 0, fenced = 0, peakMb = 0, started = 0 } = replicas?.sums ?? {};
  return {
    ...{ records, fenced, peakMb, replicasStarted: started, events },
    redelivered: records === 0 ? undefined : Math.max(0, taken - records),
    recoveries: meter?.recoveries ?? [],
  };
}

/** Scenarios of the same seed are to differ in their moments. */
function mix(seed, name) {
  let mixed = seed;
  for (const character of name) mixed = (Math.imul(mixed, 31) + character.codePointAt(0)) >>> 0;
  return mixed;
}
