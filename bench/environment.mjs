import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { EmbeddedPostgres } from '../dist/database/embedded-postgres.js';
import { KafkaBroker } from '../scripts/kafka/broker.mjs';
import { isPortFree } from '../scripts/kafka/ports.mjs';

/**
 * A real broker and a real PostgreSQL of this run's own; everything is gone after `stop`.
 * @param {import('../scripts/kafka/broker-settings.mjs').KafkaProperties} [properties] of the broker
 */
export async function startServers(properties = {}) {
  const [broker, postgres] = await Promise.all([
    KafkaBroker.start({ heapMb: 1024, properties, log: (line) => console.error(line) }),
    startPostgres(),
  ]);
  return {
    brokers: broker.bootstrapServers,
    databaseUrl: postgres.url,
    async stop() {
      await broker.stop();
      await postgres.stop();
    },
  };
}

/** Durable, as in production. */
export async function startPostgres() {
  const dataDir = mkdtempSync(join(tmpdir(), 'telecom-bench-'));
  const postgres = await EmbeddedPostgres.start({ dataDir });
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** An empty database of its own for each round. */
export async function createDatabase(url, name) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return Object.assign(new URL(url), { pathname: `/${name}` }).toString();
}

/** The answer of a service to a request, with a body or without. */
export async function post(service, path, body) {
  const response = await fetch(service.url + path, {
    method: 'POST',
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

export async function getJson(service, path) {
  const response = await fetch(service.url + path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** What a process has used, by the kernel's account. */
export const usageOf = (pid) => ({
  /** Peak resident set in MB. */
  peakMb: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
  cpuSeconds: () => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  },
});

/** The built service as a process of its own, ready to work. */
export async function startService(env, port, nodeArguments = []) {
  const url = `http://127.0.0.1:${port}`;
  // The service of another benchmark would be taken for this one, and get its load.
  if (!(await isPortFree(port))) throw new Error(`Port ${port} is in use`);
  // As npm start does.
  const child = spawn(process.execPath, ['--max-semi-space-size=8', ...nodeArguments, 'dist/main.js'], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
      SIMULATOR_AUTOSTART: 'false',
      ...env,
      PORT: String(port),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    url,
    pid: child.pid,
    isRunning,
    async ready() {
      while (!(await fetch(`${url}/health/ready`).catch(() => undefined))?.ok) {
        if (!isRunning()) throw new Error(`The service ended: ${child.exitCode ?? child.signalCode}`);
        await delay(100);
      }
    },
    ...usageOf(child.pid),
    stop: () =>
      new Promise((done) => {
        if (!isRunning()) return done();
        child.once('exit', done);
        child.kill('SIGTERM');
      }),
  };
}
