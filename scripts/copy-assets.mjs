// Puts what TypeScript does not compile beside what it does: the files of the dashboard.
import { cpSync, existsSync } from 'node:fs';

const assets = new URL('../src/dashboard/public/', import.meta.url);
if (existsSync(assets))
  cpSync(assets, new URL('../dist/dashboard/public/', import.meta.url), { recursive: true });
