import { createTestDatabase, type TestDatabase } from './database.js';
import { ledger } from './sample.js';
import { startService, waitFor, type Service, type Stage } from './service.js';

/**
 * For each test of a suite a database of its own, and the services that it starts on it, which end with it.
 * @param common environment of them all
 */
export function servicesPerTest(common: Record<string, string> = {}) {
  let database: TestDatabase;
  const services: Service[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const service of services.splice(0)) await service.kill();
    await database.drop();
  });

  const consumed = async (): Promise<number> => (await ledger(database.dataSource)).consumed!;
  return {
    // That of the test that is running.
    database: {
      get url() {
        return database.url;
      },
      get dataSource() {
        return database.dataSource;
      },
    },
    start: async (env: Record<string, string> = {}, until?: Stage): Promise<Service> => {
      const service = await startService({ DATABASE_URL: database.url, ...common, ...env }, { until });
      services.push(service);
      return service;
    },
    /** Events that are checkpointed. */
    consumed,
    allConsumed: (count: number): Promise<boolean> =>
      waitFor('all events to be checkpointed', async () => (await consumed()) === count, 120_000),
  };
}

/** Sends records as they are, a thousand lines at a time. */
export async function postLines({ url }: Service, records: readonly Buffer[]): Promise<void> {
  for (let at = 0; at < records.length; at += 1000) {
    const response = await fetch(`${url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${records
        .slice(at, at + 1000)
        .map(String)
        .join('\n')}\n`,
    });
    expect(response.status).toBe(202);
  }
}
