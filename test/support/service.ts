import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { pickFreePort } from '../../scripts/kafka/ports.mjs';

/** The built service as a real process of its own. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  /** All it has printed so far. */
  output(): string;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

/** Settings that tests share: quick flushes, and nothing starts by itself. */
const QUICK = {
  FLUSH_INTERVAL: '100ms',
  SIMULATOR_AUTOSTART: 'false',
  LOG_LEVEL: 'info',
  KAFKA_SESSION_TIMEOUT: '6s',
};

/** How far a start has come: its port is open; it has PostgreSQL, whatever the log does; it has both. */
export type Stage = 'live' | 'connected' | 'ready';

/** Starts `node dist/main.js` and waits until it has come that far. */
export async function startService(
  env: Record<string, string>,
  { until = 'ready' }: { until?: Stage | undefined } = {},
): Promise<Service> {
  const port = env.PORT ?? String(await pickFreePort());
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...QUICK, ...env, PORT: port },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const service = asService(child, `http://127.0.0.1:${port}`, () => output);
  try {
    await waitFor(`the service to be ${until}`, () => {
      if (child.exitCode !== null) throw new Error(`The service ended with code ${child.exitCode}`);
      return hasReached(service.url, until);
    });
  } catch (cause) {
    await service.kill();
    throw new Error(`${(cause as Error).message}:\n${output}`, { cause });
  }
  return service;
}

async function hasReached(url: string, stage: Stage): Promise<boolean> {
  const answer = await fetch(`${url}/health/${stage === 'live' ? 'live' : 'ready'}`).catch(() => undefined);
  if (stage !== 'connected') return answer?.ok ?? false;
  const { checks } = ((await answer?.json()) ?? {}) as { checks?: { database: { status: string } } };
  return checks?.database.status === 'up';
}

function asService(child: ChildProcess, url: string, output: () => string): Service {
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  };
  return {
    url,
    pid: child.pid!,
    output,
    get: (path) => request(url + path, undefined, output),
    post: (path, body) => request(url + path, body ?? {}, output),
    stop: () => end('SIGTERM'),
    kill: async () => {
      await end('SIGKILL');
    },
    signal: (signal) => void child.kill(signal),
  };
}

async function request<T>(url: string, body: unknown, output: () => string): Promise<T> {
  const response = await fetch(
    url,
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  );
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}\n${output().slice(-2000)}`);
  return JSON.parse(text) as T;
}

/**
 * Asks again and again until the answer is truthy.
 * @param probe may throw: then the wait ends at once with that error
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T> | T,
  timeoutMs = 30_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}`);
    await delay(50);
  }
}
