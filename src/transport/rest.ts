import { once, type EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Until there is something to do, and no longer than so many milliseconds. The end of a process has to be such an event: a wait
 * that combines signals by AbortSignal.any() would leave a trace at a lasting one each time.
 */
export async function rest(ms: number, events: EventEmitter, event: string): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  await Promise.race([delay(ms, undefined, { signal }), once(events, event, { signal })]).catch(
    () => undefined,
  );
  waiting.abort();
}
