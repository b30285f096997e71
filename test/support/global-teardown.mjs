import { rmSync } from 'node:fs';

export default async function globalTeardown() {
  const postgres = globalThis.testPostgres;
  if (!postgres) return;
  globalThis.testPostgres = undefined;
  await postgres.server.stop();
  rmSync(postgres.dataDir, { recursive: true, force: true });
}
