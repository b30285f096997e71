import { readdirSync, readFileSync } from 'node:fs';
import { GuardedProcess } from '../scripts/kafka/guarded-process.mjs';
import { pickFreePort } from '../scripts/kafka/ports.mjs';
import { until } from './until.mjs';

const SCRAPE_TIMEOUT_MS = 3_000;
/** Building a day, as the longest. */
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * The built service as a process of its own, which cannot outlive us. What it prints goes to a file.
 */
export class Replica {
  #process;
  /** What it has told last: its counters go with it when it is killed. */
  #last = { taken: 0, fenced: 0, handles: 0 };
  /** Peak resident set in MB, by the kernel's account. */
  peakMb = 0;
  /** Whether it is meant to end; else it has to live on, whatever is done to it. */
  mayEnd = false;

  /**
   * @param {{ name: string, env: Record<string, string>, logFile: string, dist?: string }} options dist: folder of the built
   *   service, or of a patched copy of it
   */
  static async start({ name, env, logFile, dist = 'dist' }) {
    const port = await pickFreePort();
    const process_ = new GuardedProcess({
      command: process.execPath,
      args: ['--max-semi-space-size=8', `${dist}/main.js`],
      logFile,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        NODE_ENV: 'production',
        SIMULATOR_AUTOSTART: 'false',
        KAFKA_SESSION_TIMEOUT: '6s',
        ...env,
        PORT: String(port),
      },
    });
    return new Replica(name, `http://127.0.0.1:${port}`, logFile, process_);
  }

  /** @private use Replica.start() */
  constructor(name, url, logFile, process_) {
    this.name = name;
    this.url = url;
    this.logFile = logFile;
    this.#process = process_;
  }

  get pid() {
    return this.#process.pid;
  }

  get isRunning() {
    return this.#process.isRunning;
  }

  /** Whether it is frozen: by us, or by itself at a failpoint. */
  get isFrozen() {
    return this.isRunning && /^State:\s+T/m.test(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
  }

  /** Records taken in and flushes fenced off, as of the last look. */
  get counters() {
    return this.#last;
  }

  output() {
    return readFileSync(this.logFile, 'utf8');
  }

  ready() {
    return until(`${this.name} to be ready`, async () => {
      if (!this.isRunning) throw new Error(`${this.name} has ended:\n${this.output().slice(-2_000)}`);
      return (await fetch(`${this.url}/health/ready`).catch(() => undefined))?.ok;
    });
  }

  /** @returns {Promise<number>} the status of its readiness, 0 when it does not answer */
  async readiness() {
    const signal = AbortSignal.timeout(SCRAPE_TIMEOUT_MS);
    return fetch(`${this.url}/health/ready`, { signal }).then(
      ({ status }) => status,
      () => 0,
    );
  }

  /** @param {string} path @param {{ method?: string, body?: unknown }} [options] */
  async request(path, { method = 'GET', body } = {}) {
    const response = await fetch(this.url + path, {
      method,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${this.name}: ${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Reads its counters, open files and memory; quietly nothing when it does not answer. */
  async look() {
    if (!this.isRunning) return undefined;
    this.#readPeak();
    const signal = AbortSignal.timeout(SCRAPE_TIMEOUT_MS);
    const text = await fetch(`${this.url}/prometheus`, { signal })
      .then((response) => response.text())
      .catch(() => '');
    if (text === '') return undefined;
    const value = (name) => {
      const line = new RegExp(`^${name} (\\S+)$`, 'm').exec(text);
      if (line === null) throw new Error(`${this.url}/prometheus does not have ${name}`);
      return Number(line[1]);
    };
    this.#last = {
      taken: value('telecom_records_taken_total'),
      fenced: value('telecom_fenced_flushes_total'),
      handles: value('nodejs_active_handles_total'),
    };
    return this.#last;
  }

  /** Resident set now, in MB, and open files. */
  usage() {
    const kb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1] ?? 0);
    return { rssMb: kb / 1024, files: readdirSync(`/proc/${this.pid}/fd`).length };
  }

  async kill() {
    this.mayEnd = true;
    await this.#process.kill();
  }

  /** SIGTERM. @returns how it ended */
  async stop() {
    this.mayEnd = true;
    this.#process.signal('SIGCONT');
    this.#process.signal('SIGTERM');
    const ending = await this.#process.waitForEnd(30_000);
    if (ending === undefined) await this.kill();
    return ending ?? 'not within 30 s';
  }

  pause() {
    this.#process.signal('SIGSTOP');
  }

  resume() {
    this.#process.signal('SIGCONT');
  }

  /** @param {number} [timeoutMs] @returns how it ended; undefined when it has not */
  waitForEnd(timeoutMs) {
    return this.#process.waitForEnd(timeoutMs);
  }

  #readPeak() {
    try {
      const kb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1] ?? 0;
      this.peakMb = Math.max(this.peakMb, Number(kb) / 1024);
    } catch {
      // It has just ended.
    }
  }
}
