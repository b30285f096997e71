import { windowsOf } from './anomalies.js';
import type { HttpApp } from './http-app.js';
import { HttpService } from './http-service.js';

/** For each test of a suite a service with a database of its own, whose days nobody builds. */
export function replayService() {
  const service = new HttpService();
  beforeEach(() => service.start());
  afterEach(() => service.stop());
  return {
    // Those of the test that is running.
    database: {
      get dataSource() {
        return service.database.dataSource;
      },
    },
    http: {
      get: (...args: Parameters<HttpApp['get']>) => service.http.get(...args),
      post: (...args: Parameters<HttpApp['post']>) => service.http.post(...args),
    },
    post: service.post,
    /** One more replica. */
    another: () => service.another(),
    restart: () => service.restart(),
    windows: () => windowsOf(service.database.dataSource),
  };
}
