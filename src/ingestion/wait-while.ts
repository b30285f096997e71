import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 1_000;

/**
 * Waits for the work for as long as it is wanted.
 * @param isWanted asked now and then
 * @returns false when it is not wanted any more
 */
export async function waitWhile(isWanted: () => boolean, work: Promise<unknown>): Promise<boolean> {
  const done = work.then(() => 'done' as const);
  while (isWanted()) {
    const timer = new AbortController();
    const look = delay(LOOK_MS, 'look' as const, { signal: timer.signal }).catch(() => 'look' as const);
    const first = await Promise.race([done, look]);
    timer.abort();
    if (first === 'done') return true;
  }
  return false;
}
