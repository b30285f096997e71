// @ts-check
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureKafkaArtifacts, findKafkaTools } from './artifacts.mjs';
import { BrokerLog } from './broker-log.mjs';
import { brokerSettings, toPropertiesFile } from './broker-settings.mjs';
import { KafkaJvm } from './kafka-jvm.mjs';
import { KafkaSetupError } from './kafka-setup-error.mjs';
import { answersApiVersions, HOST, isPortFree, pickFreePort } from './ports.mjs';

/**
 * @typedef {object} KafkaBrokerOptions
 * @property {string} [dir] data, settings and broker.log; reused as it is found. Default: a temporary folder,
 *   removed at the end
 * @property {number} [port] default, or 0: a free one
 * @property {import('./broker-settings.mjs').KafkaProperties} [properties] server.properties that override
 *   ours
 * @property {import('./broker-settings.mjs').ProxiedListener} [proxied]
 * @property {number} [heapMb] default 512
 * @property {boolean} [fastStart] for tests: starts sooner, runs slower (C1 compiler only); default false
 * @property {number} [startTimeoutMs] default 60000
 * @property {(line: string) => void} [log] progress, for a person; Kafka's own log goes to broker.log
 */

const STOP_TIMEOUT_MS = 15_000;
const POLL_INTERVAL_MS = 30;

/**
 * A real Apache Kafka, one node, KRaft, bound to 127.0.0.1. It ends with this process, however that ends.
 *
 *     const broker = await KafkaBroker.start({ fastStart: true });
 *     new Kafka({ brokers: [broker.bootstrapServers] });
 *     await broker.stop();
 */
export class KafkaBroker {
  #jvm;
  #log;
  #options;
  /** @type {import('./guarded-process.mjs').GuardedProcess | undefined} */
  #process;

  /**
   * @param {KafkaBrokerOptions} [options]
   * @returns {Promise<KafkaBroker>} once it answers clients
   * @throws {KafkaSetupError} Java or Maven is missing, the port is in use (code EADDRINUSE), or Kafka did
   *   not start (with the end of its log)
   */
  static async start({ dir, port, heapMb = 512, fastStart = false, log, ...options } = {}) {
    const { java, missing } = findKafkaTools();
    if (!java || missing.length > 0) {
      throw new KafkaSetupError(`A local Kafka needs ${missing.join(' and ')}.`);
    }
    if (port && !(await isPortFree(port))) {
      throw new KafkaSetupError(`Port ${port} on ${HOST} is already in use.`, 'EADDRINUSE');
    }
    const classpath = await ensureKafkaArtifacts({ log });

    const temporary = dir === undefined;
    const home = temporary ? mkdtempSync(path.join(tmpdir(), 'kafka-broker-')) : path.resolve(dir);
    const jvm = { java, classpath, heapMb, fastStart, removeWithParent: temporary ? home : undefined };
    const except = [options.proxied?.port, options.proxied?.proxyPort];
    const broker = new KafkaBroker(home, port || (await pickFreePort({ except })), {
      ...options,
      jvm,
      temporary,
    });
    await broker.#start();
    return broker;
  }

  /**
   * @private use KafkaBroker.start()
   * @param {string} dir
   * @param {number} port
   * @param {Pick<KafkaBrokerOptions, 'properties' | 'proxied' | 'startTimeoutMs'> & { temporary: boolean,
   *   jvm: Omit<ConstructorParameters<typeof KafkaJvm>[0], 'logFile'> }} options
   */
  constructor(dir, port, { jvm, temporary, properties = {}, proxied, startTimeoutMs = 60_000 }) {
    this.dir = dir;
    this.port = port;
    this.bootstrapServers = `${HOST}:${port}`;
    this.logFile = path.join(dir, 'broker.log');
    this.#log = new BrokerLog(this.logFile);
    this.#jvm = new KafkaJvm({ ...jvm, logFile: this.logFile });
    this.#options = { temporary, properties, proxied, startTimeoutMs };
  }

  /** The JVM's process id; another one after restart(). */
  get pid() {
    return this.#process?.pid ?? 0;
  }

  get isRunning() {
    return this.#process?.isRunning ?? false;
  }

  /**
   * Waits until the JVM has ended, by our doing or not.
   * @param {number} [timeoutMs] default: as long as it takes
   * @returns {Promise<string | undefined>} how ('exit code 1', 'SIGKILL'); undefined: still running after the
   *   timeout
   */
  async waitForEnd(timeoutMs) {
    return this.#process?.waitForEnd(timeoutMs);
  }

  /** The id written into the data when it was formatted: the same one means the same data. */
  get clusterId() {
    const [file] = this.#metaFiles.filter((name) => existsSync(name));
    return file && /^cluster\.id=(.+)$/m.exec(readFileSync(file, 'utf8'))?.[1];
  }

  /**
   * Ends the broker in an orderly way, with SIGKILL after the timeout, and removes a temporary dir. May be
   * called again, and after kill().
   * @param {{ timeoutMs?: number }} [options]
   */
  async stop({ timeoutMs = STOP_TIMEOUT_MS } = {}) {
    await this.#end(timeoutMs);
    this.#removeTemporaryDir();
  }

  /** SIGKILL, like a crash; the data stays for restart(), until stop(). */
  async kill() {
    await this.#process?.kill();
  }

  /** Starts again on the same data and port, after an orderly end if it was still running. */
  async restart() {
    await this.#end(STOP_TIMEOUT_MS);
    await this.#start();
  }

  /**
   * Freezes the broker (SIGSTOP): connections stay open and nothing answers, as in a long GC pause or behind
   * a dead link.
   */
  pause() {
    this.#process?.signal('SIGSTOP');
  }

  resume() {
    this.#process?.signal('SIGCONT');
  }

  get #dataDirs() {
    return { dataDir: path.join(this.dir, 'data'), metadataDir: path.join(this.dir, 'metadata') };
  }

  /** What formatting leaves in each folder. */
  get #metaFiles() {
    return Object.values(this.#dataDirs).map((dir) => path.join(dir, 'meta.properties'));
  }

  async #start() {
    const settingsFile = await this.#writeSettings();
    const { startTimeoutMs, temporary } = this.#options;
    const deadline = Date.now() + startTimeoutMs;
    this.#log.beginRun();
    try {
      // Formatting may have been interrupted between the two folders: then it goes on with the same cluster
      // id.
      const formatted = this.#metaFiles.every((file) => existsSync(file));
      if (!formatted) await this.#jvm.formatStorage(settingsFile, this.clusterId, startTimeoutMs);
      this.#process = this.#jvm.launchBroker(settingsFile);
      await this.#untilAnswering(this.#process, deadline);
    } catch (error) {
      await this.kill();
      const reason = error instanceof Error ? error.message : String(error);
      const source = temporary ? 'its log' : this.logFile;
      const excerpt = this.#log.excerpt();
      this.#removeTemporaryDir();
      throw new KafkaSetupError(
        `Kafka did not start on ${this.bootstrapServers}: ${reason}. From ${source}:\n${excerpt}`,
      );
    }
  }

  async #writeSettings() {
    mkdirSync(this.dir, { recursive: true });
    const file = path.join(this.dir, 'server.properties');
    const { proxied } = this.#options;
    const settings = brokerSettings({
      port: this.port,
      controllerPort: await pickFreePort({ except: [this.port, proxied?.port, proxied?.proxyPort] }),
      ...this.#dataDirs,
      proxied,
      overrides: this.#options.properties,
    });
    writeFileSync(file, toPropertiesFile(settings));
    return file;
  }

  /**
   * @param {import('./guarded-process.mjs').GuardedProcess} kafka
   * @param {number} deadline
   */
  async #untilAnswering(kafka, deadline) {
    while (!(await answersApiVersions(this.port))) {
      if (!kafka.isRunning) throw new Error(`it ended with ${await kafka.waitForEnd()}`);
      if (Date.now() > deadline) throw new Error(`no answer within ${this.#options.startTimeoutMs} ms`);
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** @param {number} timeoutMs */
  async #end(timeoutMs) {
    this.resume(); // a paused process does not see SIGTERM
    this.#process?.signal('SIGTERM');
    await this.#process?.waitForEnd(timeoutMs);
    await this.kill();
  }

  #removeTemporaryDir() {
    if (this.#options.temporary) rmSync(this.dir, { recursive: true, force: true });
  }
}
