/** @param {readonly number[]} values @param {number} share from 0 to 1 @returns {number | null} nearest rank */
export function quantile(values, share) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** @param {readonly number[]} ms */
export const spreadOf = (ms) => ({
  count: ms.length,
  p50: quantile(ms, 0.5),
  p95: quantile(ms, 0.95),
  max: quantile(ms, 1),
});

const seconds = (ms) => (ms === null ? '–' : `${(ms / 1000).toFixed(1)} s`);

/** @param {import('./play.mjs').Outcome[]} outcomes */
export function summarise(outcomes) {
  const sum = (name) => outcomes.reduce((total, outcome) => total + (outcome[name] ?? 0), 0);
  const recoveries = outcomes.flatMap((outcome) => outcome.recoveries ?? []);
  const faults = [...new Set(recoveries.map(({ fault }) => fault))];
  const msOf = (list) => spreadOf(list.map(({ ms }) => ms));
  return {
    passed: outcomes.filter(({ status }) => status === 'passed').length,
    failed: outcomes.filter(({ status }) => status === 'failed').length,
    skipped: outcomes.filter(({ status }) => status === 'skipped').length,
    records: sum('records'),
    fenced: sum('fenced'),
    redelivered: sum('redelivered'),
    replicasStarted: sum('replicasStarted'),
    peakMb: Math.max(0, ...outcomes.map(({ peakMb }) => peakMb ?? 0)),
    recovery: msOf(recoveries),
    recoveryByFault: Object.fromEntries(
      faults.map((fault) => [fault, msOf(recoveries.filter((recovery) => recovery.fault === fault))]),
    ),
  };
}

/** @param {ReturnType<typeof summarise>} summary */
export function render(summary) {
  const { recovery } = summary;
  const spread = ({ count, p50, p95, max }) =>
    `p50 ${seconds(p50)}, p95 ${seconds(p95)}, max ${seconds(max)} (${count})`;
  return [
    `records judged      ${summary.records.toLocaleString('en')}`,
    `fenced flushes      ${summary.fenced}`,
    `redelivered records ${summary.redelivered.toLocaleString('en')}, at least`,
    `peak RSS            ${summary.peakMb.toFixed(0)} MB`,
    `recovery            ${spread(recovery)}`,
    ...Object.entries(summary.recoveryByFault).map(([fault, ms]) => `  ${fault.padEnd(36)} ${spread(ms)}`),
  ].join('\n');
}
