// @ts-check
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROCESS = fileURLToPath(new URL('traffic-process.mjs', import.meta.url));

/**
 * @typedef {object} TrafficOptions
 * @property {string} brokers one broker, `host:port`, which leads all partitions
 * @property {string} topic has to exist
 * @property {number} partitions that it has at first; others are found
 * @property {number} rate events per second
 * @property {number} seed of what is in the events; when they go out depends on the clock
 * @property {number} [startAt] where the time of events and of their records begins, epoch milliseconds; default: now
 * @property {number} [timeScale] how many times as fast as the clock it moves on; default 1. Brokers refuse records of more than an
 *   hour ahead: a test that needs more than that begins in the past
 * @property {Partial<import('./traffic-events.mjs').Rates>} [rates]
 * @property {readonly [number, number]} [repeatAfterMs] after what time of events `repeatedLater` come again
 * @property {import('./produce.mjs').Codec | 'mixed'} [codec] default none
 */

/**
 * @typedef {object} TrafficStats
 * @property {number} sent records that the broker has confirmed; some more may be in the log, or twice
 * @property {number} clock the time of events now, epoch milliseconds; where traffic that comes after this one may begin
 * @property {number} failures requests that have failed
 * @property {string} lastError
 */

/**
 * Publishes events at a steady rate from a process of its own, and goes on when the broker or the topic has been away.
 * @param {TrafficOptions} options
 */
export async function startTraffic(options) {
  const all = { startAt: Date.now(), ...options };
  const child = fork(PROCESS, [JSON.stringify(all)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  /** @type {TrafficStats} */
  let stats = { sent: 0, clock: all.startAt, failures: 0, lastError: '' };
  child.on('message', (message) => (stats = /** @type {TrafficStats} */ (message)));
  /** @type {Promise<number | NodeJS.Signals | null>} */
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  await once(child, 'spawn');
  return {
    pid: Number(child.pid),
    /** How it ended: exit code or signal. */
    ended,
    /** @returns {TrafficStats} not older than half a second */
    stats: () => stats,
    /** Ends in an orderly way, also while the broker is away. @returns {Promise<TrafficStats>} */
    async stop() {
      if (child.connected) child.send({ stop: true }, () => undefined);
      await ended;
      return stats;
    },
    /** @param {NodeJS.Signals} [signal] */
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      await ended;
    },
  };
}
