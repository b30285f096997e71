import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Recovered } from './core/traffic-source.js';
import type { FeedOptions, FeedReply } from './traffic-feed.js';
import { TRAFFIC_WORKER_URL } from './traffic-worker-url.js';

/** As {@link TrafficSource.recover}, in a thread of its own: it takes as long as to generate all of the events again. */
export async function recoverAnswer(
  options: FeedOptions,
  counts: readonly number[],
): Promise<Recovered | null> {
  const workerData: FeedOptions = { ...options, recover: counts };
  const worker = new Worker(TRAFFIC_WORKER_URL, { workerData, name: 'recovery' });
  try {
    const [reply] = (await once(worker, 'message')) as [FeedReply];
    return reply.kind === 'recovered' ? reply.recovered : null;
  } finally {
    await worker.terminate();
  }
}
