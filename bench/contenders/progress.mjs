/** How often a contender says how far it is. */
const REPORT_EVERY_MS = 50;

/**
 * Counts events for the benchmark, which is this process's parent.
 * @typedef {object} Progress
 * @property {number} count events so far
 * @property {number} startedAt milliseconds
 * @property {number} lastAt when the last event came
 * @property {number} cpuSeconds of this process since the start
 */
const progress = { count: 0, startedAt: 0, lastAt: 0 };
let cpuAtStart;

const now = () => performance.timeOrigin + performance.now();

/** The clock runs from now on. A second call, of a rebalance, changes nothing. */
export function started() {
  if (cpuAtStart) return;
  cpuAtStart = process.cpuUsage();
  progress.startedAt = now();
}

/** @param {number} events how many have come now */
export function counted(events) {
  progress.count += events;
  progress.lastAt = now();
}

setInterval(() => {
  if (progress.count === 0) return;
  const { user, system } = process.cpuUsage(cpuAtStart);
  process.send({ ...progress, cpuSeconds: (user + system) / 1e6 });
}, REPORT_EVERY_MS);

// Without the benchmark nobody would end this.
process.on('disconnect', () => process.exit(1));
