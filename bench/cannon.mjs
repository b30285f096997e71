import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { quantile } from './report.mjs';

/**
 * Answers to one request that was sent over and over.
 * @typedef {object} Shot
 * @property {number} perSecond answers
 * @property {number} p50 milliseconds
 * @property {number} p99
 * @property {number} max
 * @property {number} errors answers that are no 2xx, and requests without one
 */

/**
 * As much as there can be: each connection sends as soon as it has its answer.
 * @param {string} url
 * @param {{ connections: number, seconds: number }} how
 * @returns {Promise<Shot>}
 */
export async function saturate(url, { connections, seconds }) {
  const times = [];
  const cannon = autocannon({ url, connections, duration: seconds });
  // Its own summary has whole milliseconds.
  cannon.on('response', (client, status, bytes, ms) => {
    if (status < 300) times.push(ms);
  });
  const { errors, non2xx, duration } = await cannon;
  return shot(times, duration, errors + non2xx);
}

/**
 * At even intervals, whether those before have been answered or not. autocannon's `overallRate` would send those of each
 * second all at once.
 * @param {string} url
 * @param {{ rate: number, seconds: number }} how requests per second
 * @returns {Promise<Shot>}
 */
export async function pace(url, { rate, seconds }) {
  const agent = new Agent({ keepAlive: true });
  const begunAt = performance.now();
  const asked = [];
  for (let request = 0; request < rate * seconds; request++) {
    await delay(Math.max(0, begunAt + (request * 1000) / rate - performance.now()));
    asked.push(timeOf(url, agent));
  }
  const times = (await Promise.all(asked)).filter((time) => time !== null);
  const duration = (performance.now() - begunAt) / 1000;
  agent.destroy();
  return shot(times, duration, asked.length - times.length);
}

/** @returns {Promise<number | null>} milliseconds until the whole answer is there; null when it is an error */
export async function timeOf(url, agent) {
  const askedAt = performance.now();
  try {
    const [response] = await once(get(url, { agent }), 'response');
    await once(response.resume(), 'end');
    return response.statusCode < 300 ? performance.now() - askedAt : null;
  } catch {
    return null;
  }
}

function shot(times, duration, errors) {
  times.sort((a, b) => a - b);
  return {
    perSecond: times.length / duration,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    max: quantile(times, 1),
    errors,
  };
}
