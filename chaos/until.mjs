import { setTimeout as delay } from 'node:timers/promises';

/** What was waited for did not come. */
export class InVain extends Error {}

/**
 * Asks again and again until the answer is truthy.
 * @template T
 * @param {string} what for the error
 * @param {() => Promise<T> | T} probe may throw: then the wait ends at once with that error
 * @param {{ timeoutMs?: number, everyMs?: number }} [patience]
 * @returns {Promise<NonNullable<T>>}
 * @throws {InVain}
 */
export async function until(what, probe, { timeoutMs = 60_000, everyMs = 50 } = {}) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (performance.now() > deadline) throw new InVain(`Waited ${timeoutMs / 1000} s in vain for ${what}`);
    await delay(everyMs);
  }
}
