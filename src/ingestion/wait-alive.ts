import { setTimeout as delay } from 'node:timers/promises';
import type { BatchContext } from '../transport/record-batch.js';

const HEARTBEAT_MS = 1_000;

/**
 * Waits for the work while the group membership is kept alive.
 * @returns false when the membership was lost meanwhile
 */
export async function waitAlive(work: Promise<unknown>, context: BatchContext): Promise<boolean> {
  const done = work.then(() => 'done' as const);
  for (;;) {
    const timer = new AbortController();
    const beat = delay(HEARTBEAT_MS, 'beat' as const, { signal: timer.signal }).catch(() => 'beat' as const);
    const first = await Promise.race([done, beat]);
    timer.abort();
    if (first === 'done') return true;
    if (!(await context.heartbeat())) return false;
  }
}
