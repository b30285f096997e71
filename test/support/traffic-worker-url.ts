/** Stands in for src/simulator/traffic-worker-url.ts where tests run from the sources: `npm test` builds before. */
export const TRAFFIC_WORKER_URL = new URL('../../dist/simulator/traffic.worker.js', import.meta.url);
