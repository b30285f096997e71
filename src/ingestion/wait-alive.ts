import { setTimeout as delay } from 'node:timers/promises';
import type { BatchContext } from '../transport/record-batch.js';

const HEARTBEAT_MS = 1_000;

/**
 * Waits for the work while the group membership is kept alive.
 * @returns false when the membership was lost meanwhile
 */
export async function waitAlive(work: Promise<unknown>, context: BatchContext): Promise<boolean> {
  let done = false;
  const finished = work.finally(() => (done = true));
  for (;;) {
    const timer = new AbortController();
    await Promise.race([
      finished,
      delay(HEARTBEAT_MS, undefined, { signal: timer.signal }).catch(() => undefined),
    ]);
    timer.abort();
    if (done) return true;
    if (!(await context.heartbeat())) return false;
  }
}
