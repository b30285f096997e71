import { setTimeout as delay } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { parseConfig } from '../dist/config/config.js';
import { dataSourceOptions, migrate } from '../dist/database/data-source.js';
import { addAnomalies } from './anomaly-data.mjs';
import { getJson, post } from './environment.mjs';
import { addWindows, eventTypes, regions } from './metric-data.mjs';

/**
 * Fills a new database: windows of 10 event types and 20 regions, and anomalies of the last 90 days.
 * @param {string} url
 * @param {{ first: string, last: string, anomalies: number }} what days as YYYY-MM-DD, both included
 * @returns {Promise<number>} how many windows
 */
export async function fillDatabase(url, { first, last, anomalies }) {
  const database = new DataSource(dataSourceOptions(parseConfig({}), url));
  await database.initialize();
  try {
    await migrate(database);
    const windows = await addWindows((sql, parameters) => database.query(sql, parameters), {
      ...{ first, last },
      eventTypes: eventTypes(10),
      regions: regions(20),
    });
    await addAnomalies(database, anomalies);
    // Or autovacuum does it while the API is measured.
    await database.query('VACUUM ANALYZE');
    return windows;
  } finally {
    await database.destroy();
  }
}

/**
 * Has the service build the daily stats of days that are over; it looks twice a minute whether the watermark has passed them.
 * @param {string} from YYYY-MM-DD
 * @param {string} to the day after the last one
 */
export async function buildDays(service, from, to) {
  await post(service, '/batch/backfill', { from, to, mode: 'missing' });
  for (const status of ['waiting', 'running'])
    while ((await getJson(service, `/batch/runs?status=${status}`)).items.length > 0) await delay(100);
  const { items } = await getJson(service, '/batch/runs?status=failed');
  if (items.length > 0) throw new Error(`Daily stats of ${items[0].date}: ${items[0].error}`);
}
