// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const KILL_TIMEOUT_MS = 10_000;
const GUARD_SCRIPT = fileURLToPath(new URL('guard.sh', import.meta.url));

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

// The guard would do it too, a moment later; this way they are gone before the process that runs after us
// looks.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * A child process that cannot outlive this one, even after kill -9 (see guard.sh). It has a process group of
 * its own, so that Ctrl-C in the terminal reaches us and not it: we decide how it ends. It does not keep
 * Node's event loop alive.
 */
export class GuardedProcess {
  #child;
  #ended;
  /** @type {string | undefined} */
  #ending;

  /**
   * @param {object} options
   * @param {string} options.command
   * @param {string[]} options.args
   * @param {string} options.logFile standard output and standard error are appended to it
   * @param {string} [options.removeWithParent] folder that the guard removes when we die before the child
   *   does
   * @param {string} [options.cwd] default: ours
   * @param {NodeJS.ProcessEnv} [options.env] default: ours
   */
  constructor({ command, args, logFile, removeWithParent = '', cwd, env }) {
    const log = openSync(logFile, 'a');
    const child = spawn('sh', [GUARD_SCRIPT, removeWithParent, command, ...args], {
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
      cwd,
      env,
    });
    closeSync(log);
    this.#child = child;

    const pipe = /** @type {import('node:net').Socket} */ (child.stdio[3]);
    pipe.on('error', () => {}); // EPIPE when the guard has been killed: nothing left to tell it
    pipe.unref();
    child.unref();
    running.add(child);

    this.#ended = new Promise((/** @type {(ending: string) => void} */ resolve) => {
      /** @param {string} ending */
      const settle = (ending) => {
        this.#ending = ending;
        running.delete(child);
        pipe.end('ended\n'); // sends the guard home
        resolve(ending);
      };
      child.once('error', (error) => settle(error.message));
      child.once('exit', (code, signal) => settle(signal ?? `exit code ${code}`));
    });
  }

  get pid() {
    return this.#child.pid ?? 0;
  }

  get isRunning() {
    return this.#ending === undefined;
  }

  /**
   * @param {NodeJS.Signals} signal does nothing once the process has ended, so it never hits a recycled pid
   */
  signal(signal) {
    if (this.isRunning) this.#child.kill(signal);
  }

  /**
   * @param {number} [timeoutMs] default: as long as it takes
   * @returns {Promise<string | undefined>} how it ended ('exit code 1', 'SIGKILL'); undefined when it is
   *   still running after the timeout
   */
  async waitForEnd(timeoutMs) {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    // The timer also keeps the event loop alive meanwhile, which the child itself does not.
    const timeout = new Promise((resolve) => {
      timer = timeoutMs === undefined ? setInterval(() => {}, 2 ** 30) : setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#ended, timeout]);
    clearTimeout(timer);
    return this.#ending;
  }

  /** SIGKILL, unless it has ended already, and waits until it is gone. */
  async kill() {
    this.signal('SIGKILL');
    await this.waitForEnd(KILL_TIMEOUT_MS);
  }
}
