import { rmSync } from 'node:fs';

export default async function globalTeardown() {
  const { postgres, broker } = globalThis.testServers ?? {};
  globalThis.testServers = undefined;
  await broker?.stop();
  if (!postgres) return;
  await postgres.server.stop();
  rmSync(postgres.dataDir, { recursive: true, force: true });
}
