import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '../support/database.js';
import { startService, waitFor, type Service } from '../support/service.js';

interface Metrics {
  items: { eventCount: number; metricType: string }[];
}

/** Runs the service until it ends by itself. */
async function runToEnd(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, output: output.trim() };
}

describe('starting with nothing configured', () => {
  let dataDir: string;
  let service: Service | undefined;

  beforeEach(() => {
    // As mktemp makes it: for root alone, although PostgreSQL runs as another user then.
    dataDir = mkdtempSync(join(tmpdir(), 'telecom-start-'));
    chmodSync(dataDir, 0o700);
  });
  afterEach(async () => {
    await service?.stop();
    service = undefined;
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = async (): Promise<Service> =>
    (service = await startService({ DATA_DIR: dataDir, SIMULATOR_AUTOSTART: '', FLUSH_INTERVAL: '100ms' }));
  const counted = async (): Promise<number> => {
    const { items } = await service!.get<Metrics>('/metrics?type=region_agg&limit=1000');
    return items.reduce((sum, { eventCount }) => sum + eventCount, 0);
  };

  it('embeds everything, shows growing metrics, stops without loss and goes on where it stopped', async () => {
    const first = await start();
    expect(first.output()).toMatch(/Dashboard +http:\/\/127\.0\.0\.1:\d+\/\n/);
    await waitFor('growing metrics', async () => (await counted()) > 20);
    expect(await first.stop()).toBe(0);
    expect(first.output()).not.toMatch(/ERROR|WARN/);

    const second = await start();
    const state = await second.get<{ partitions: { position: string; ledger: { consumed: number } }[] }>(
      '/pipeline',
    );
    expect(Number(state.partitions[0]!.position)).toBeGreaterThan(20);
    const before = await counted();
    await waitFor('more metrics', async () => (await counted()) > before);
  });

  it('goes on after kill -9, with no PostgreSQL left behind in between', async () => {
    const first = await start();
    await waitFor('growing metrics', async () => (await counted()) > 10);
    const before = await counted();
    await first.kill();
    const second = await start();
    await waitFor('the service to be ready', async () => (await fetch(`${second.url}/health/ready`)).ok);
    expect(await counted()).toBeGreaterThanOrEqual(before);
  });

  it('refuses a data folder that another service uses, in one line', async () => {
    await start();
    const { code, output } = await runToEnd({ DATA_DIR: dataDir });
    expect(code).toBe(1);
    expect(output.split('\n')).toHaveLength(1);
    expect(output).toMatch(
      /The data folder .* is in use by another running service: stop that one, or set DATA_DIR/,
    );
  });
});

describe('a start that cannot succeed says why, in a line, and ends with code 1', () => {
  it('for a busy port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, output } = await runToEnd({ PORT: String(port) });
    server.close();
    expect([code, output.split('\n').length]).toEqual([1, 1]);
    expect(output).toMatch(
      /^Port \d+ on 127\.0\.0\.1 is in use by another program: stop it, or choose another port with PORT=/,
    );
  });

  it('for an address without a key', async () => {
    const { code, output } = await runToEnd({ HOST: '0.0.0.0' });
    expect(code).toBe(1);
    expect(output).toMatch(/ADMIN_API_KEY \(at least 32 characters\) is needed to listen on HOST=0\.0\.0\.0/);
  });

  it('for every mistake in the configuration, at once', async () => {
    const { code, output } = await runToEnd({
      PORT: 'x',
      FLUSH_INTERVAL: 'never',
      ADMIN_API_KEY: 'short-secret',
    });
    expect(code).toBe(1);
    expect(output).toMatch(/3 mistakes:\n +PORT must .*\n +ADMIN_API_KEY must .*\n +FLUSH_INTERVAL must /);
    expect(output).not.toContain('short-secret');
  });

  it('for a data folder that cannot be made', async () => {
    const { code, output } = await runToEnd({ DATA_DIR: '/dev/null/data' });
    expect([code, output.split('\n').length]).toEqual([1, 1]);
    expect(output).toMatch(/The folder \/dev\/null\/data cannot be made: .*DATA_DIR/);
  });
});

describe('with ADMIN_API_KEY', () => {
  const key = 'k'.repeat(40);

  it('every endpoint but health wants it', async () => {
    const database = await createTestDatabase();
    const service = await startService({ DATABASE_URL: database.url, ADMIN_API_KEY: key });
    try {
      const status = async (path: string, headers: Record<string, string> = {}) =>
        (await fetch(service.url + path, { headers })).status;
      for (const path of [
        '/',
        '/docs',
        '/docs-json',
        '/metrics',
        '/anomalies',
        '/pipeline',
        '/prometheus',
        '/simulator',
        '/nothing',
      ]) {
        expect([path, await status(path)]).toEqual([path, 401]);
        expect([path, await status(path, { authorization: `Bearer ${key}x` })]).toEqual([path, 401]);
      }
      expect(await status('/health/live')).toBe(200);
      expect(await status('/metrics', { authorization: `Bearer ${key}` })).toBe(200);
      expect(await status('/metrics', { 'x-api-key': key })).toBe(200);
      expect(service.output()).not.toContain(key);
    } finally {
      await service.stop();
      await database.drop();
    }
  });
});

describe('PostgreSQL away at boot', () => {
  it('is up, not ready, and goes on when it is there', async () => {
    const database = await createTestDatabase({ migrated: false });
    const away = Object.assign(new URL(database.url), { pathname: '/not_there_yet' }).toString();
    const service = await startService({ DATABASE_URL: away }, { until: 'live' });
    try {
      expect((await fetch(`${service.url}/health/ready`)).status).toBe(503);
      await waitFor('a line in the log', () => service.output().includes('PostgreSQL is not there yet'));
      await database.dataSource.initialize();
      await database.dataSource.query('CREATE DATABASE not_there_yet');
      await waitFor('the service to be ready', async () => (await fetch(`${service.url}/health/ready`)).ok);
    } finally {
      await service.stop();
      await database.dataSource.query('DROP DATABASE not_there_yet WITH (FORCE)');
      await database.drop();
    }
  });
});
