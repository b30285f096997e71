import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One real PostgreSQL for the whole run; every suite makes databases of its own in it. */
export default async function globalSetup() {
  if (globalThis.testPostgres) return; // jest calls this once for every project
  const built = new URL('../../dist/database/embedded-postgres.js', import.meta.url);
  if (!existsSync(built)) throw new Error('The service is not built: run "npm run build" first, or "npm test"');
  const { EmbeddedPostgres } = await import(built.href);
  const dataDir = mkdtempSync(join(tmpdir(), 'telecom-test-'));
  // The tests kill services, never this server: durability on disk would only cost time.
  const server = await EmbeddedPostgres.start({ dataDir, settings: { fsync: 'off', max_connections: '200' } });
  globalThis.testPostgres = { server, dataDir };
  process.env.TEST_DATABASE_URL = server.url;
}
