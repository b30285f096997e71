// All tests, or those that jest's arguments select: npm test -- --selectProjects unit
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const selected = process.argv.slice(2);
const reports = mkdtempSync(join(tmpdir(), 'telecom-reports-'));
const total = { passed: 0, failed: 0, skipped: 0 };

function run(args, env = {}) {
  console.log(`\n> node ${args.map((arg) => arg.replace(`${process.cwd()}/`, '')).join(' ')}`);
  return (
    spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status === 0
  );
}

function add(passed, failed, skipped, ok) {
  total.passed += passed;
  total.skipped += skipped;
  // A suite that could not even start has no failed test of its own.
  total.failed += Math.max(failed, ok ? 0 : 1);
}

function runJest(...args) {
  const report = join(reports, 'jest.json');
  const options =
    `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim();
  const ok = run([jest, '--json', `--outputFile=${report}`, ...args], { NODE_OPTIONS: options });
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
    add(numPassedTests, numFailedTests, numPendingTests, ok);
  } catch {
    add(0, 1, 0, false);
  }
}

function runNodeTests() {
  const report = join(reports, 'node.tap');
  const reporters = ['spec', 'stdout', 'tap', report].map(
    (value, i) => `--test-reporter${i % 2 ? '-destination' : ''}=${value}`,
  );
  const ok = run(['--test', ...reporters, 'scripts/kafka/']);
  const count = (name) =>
    Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(readFileSync(report, 'utf8'))?.[1] ?? 0);
  add(count('pass'), count('fail') + count('cancelled'), count('skipped'), ok);
}

// What has servers of its own goes one suite after the other: it measures time, on what may be a small machine.
if (selected.length > 0) runJest('--runInBand', ...selected);
else {
  runJest('--selectProjects', 'unit');
  runJest('--runInBand', '--selectProjects', 'integration', 'e2e');
  runNodeTests();
}
rmSync(reports, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
