import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suites } from '../../chaos/suites.mjs';
import { findKafkaTools } from '../../scripts/kafka/artifacts.mjs';
import { GuardedProcess } from '../../scripts/kafka/guarded-process.mjs';

/** The faults are the same in every run. */
const SEED = '1';

interface Outcome {
  name: string;
  status: string;
  problems: string[];
  differences: number;
  records: number;
  fenced: number;
}

const { missing } = findKafkaTools();
// A broker that is there already is not ours to kill.
const canRun = missing.length === 0 || process.env.CI === 'true';
if (!canRun) console.warn(`\n  !! SKIPPED: the chaos suite needs ${missing.join(' and ')} !!\n`);

/** The short form of `npm run test:chaos`, as a process of its own: it kills what it has started, and nothing else. */
(canRun ? describe : describe.skip)('the service under faults, with 20,000 events a second', () => {
  const folder = mkdtempSync(join(tmpdir(), 'telecom-chaos-spec-'));
  const logFile = join(folder, 'output.log');
  let outcomes: Outcome[];

  beforeAll(async () => {
    const json = join(folder, 'figures.json');
    const run = new GuardedProcess({
      command: process.execPath,
      args: ['chaos/main.mjs', '--only', 'short', '--seed', SEED, '--json', json],
      logFile,
    });
    await run.waitForEnd(600_000);
    await run.kill();
    try {
      outcomes = (JSON.parse(readFileSync(json, 'utf8')) as { rounds: Outcome[] }).rounds;
    } catch (cause) {
      throw new Error(`The chaos suite has not come to its end:\n${readFileSync(logFile, 'utf8')}`, {
        cause,
      });
    }
  }, 610_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function outcomeOf(name: string): Outcome {
    const outcome = outcomes.find((each) => each.name === name);
    if (outcome?.status !== 'passed') throw new Error(readFileSync(logFile, 'utf8'));
    return outcome;
  }

  it('loses and doubles nothing: kill -9 anywhere, a zombie, outages, poison; windows, anomalies, ledger are those of the log', () => {
    const { differences, fenced, records } = outcomeOf('mixed');
    expect(differences).toBe(0);
    expect(fenced).toBeGreaterThan(0);
    expect(records).toBeGreaterThan(500_000);
  });

  it.each(suites.controls!.map(({ name }) => name))(
    'is found out when it is one with a bolt less: %s',
    (name) => {
      expect(outcomeOf(name).differences).toBeGreaterThan(0);
    },
  );
});
