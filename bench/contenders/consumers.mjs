import { fork } from 'node:child_process';
import { once } from 'node:events';
import { usageOf } from '../environment.mjs';

/** Nest's consumer makes a producer too, whose change of partitioner kafkajs warns of. */
const env = { ...process.env, KAFKAJS_NO_PARTITIONER_WARNING: '1' };

/**
 * @typedef {object} Result
 * @property {number} rate events per second
 * @property {number} cpuSeconds per million events, of all processes together, from the start on
 * @property {number} peakMb largest resident set of a process
 */

/**
 * Lets processes of a consumer, each cold and all in one group, read a topic until they have read so many events.
 * @param {string} script
 * @param {(string | number)[]} parameters what the script is told: broker, topic, group, …
 * @param {{ replicas: number, events: number }} limits
 * @returns {Promise<Result>}
 */
export async function measureConsumers(script, parameters, { replicas, events }) {
  const children = Array.from({ length: replicas }, () => fork(script, parameters.map(String), { env }));
  const exits = children.map((child) => once(child, 'exit'));
  try {
    const reports = await Promise.race([
      untilRead(children, events),
      ...exits.map(async (exit) => {
        throw new Error(`${script} ended with code ${(await exit)[0]}`);
      }),
    ]);
    const seconds =
      (Math.max(...reports.map(({ lastAt }) => lastAt)) -
        Math.min(...reports.map(({ startedAt }) => startedAt))) /
      1000;
    const count = sum(reports.map((report) => report.count));
    return {
      rate: count / seconds,
      cpuSeconds: (sum(reports.map(({ cpuSeconds }) => cpuSeconds)) / count) * 1e6,
      peakMb: Math.max(...children.map(({ pid }) => usageOf(pid).peakMb())),
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(exits);
  }
}

/** @returns {Promise<import('./progress.mjs').Progress[]>} of those that have read anything */
const untilRead = (children, events) =>
  new Promise((resolve) => {
    const reports = new Map();
    for (const child of children)
      child.on('message', (report) => {
        reports.set(child, report);
        if (sum([...reports.values()].map(({ count }) => count)) >= events) resolve([...reports.values()]);
      });
  });

const sum = (values) => values.reduce((total, value) => total + value, 0);
