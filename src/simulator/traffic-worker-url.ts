/** The code of the thread that generates traffic. In a file of its own: tests that run from the sources name the built one. */
export const TRAFFIC_WORKER_URL = new URL('./traffic.worker.js', import.meta.url);
