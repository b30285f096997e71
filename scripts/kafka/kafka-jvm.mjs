// @ts-check
import { randomBytes } from 'node:crypto';
import { GuardedProcess } from './guarded-process.mjs';

const LOGGING_FLAGS = [
  // Standard output is appended to broker.log, and so are the JVM's own last words.
  '-Dorg.slf4j.simpleLogger.logFile=System.out',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=info',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
  // log4j-api has no log4j-core here, by intent, and would report that as an ERROR.
  '-Dlog4j2.StatusLogger.level=OFF',
];

// A third less time to start on two busy cores, but code that C2 never optimises: for tests, not for
// benchmarks.
const FAST_START_FLAGS = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/** Kafka's Java programs on one folder. */
export class KafkaJvm {
  #options;

  /**
   * @param {object} options
   * @param {string} options.java
   * @param {string} options.classpath
   * @param {number} options.heapMb
   * @param {boolean} options.fastStart
   * @param {string} options.logFile
   * @param {string} [options.removeWithParent] folder to remove when this Node process dies first
   */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Gives empty data folders a cluster id, which Kafka does not start without; leaves formatted ones alone.
   * @param {string} settingsFile
   * @param {string | undefined} clusterId default: a new random one
   * @param {number} timeoutMs
   */
  async formatStorage(settingsFile, clusterId = randomClusterId(), timeoutMs) {
    const options = ['--ignore-formatted', '--cluster-id', clusterId, '--config', settingsFile];
    const tool = this.#run(FAST_START_FLAGS, ['kafka.tools.StorageTool', 'format', ...options]);
    const ending = await tool.waitForEnd(timeoutMs);
    await tool.kill();
    if (ending !== 'exit code 0') throw new Error(`formatting the storage failed (${ending ?? 'timeout'})`);
  }

  /**
   * @param {string} settingsFile
   * @returns {GuardedProcess} not ready yet
   */
  launchBroker(settingsFile) {
    const { heapMb, fastStart } = this.#options;
    const flags = [`-Xmx${heapMb}m`, '-XX:+ExitOnOutOfMemoryError', ...(fastStart ? FAST_START_FLAGS : [])];
    return this.#run(flags, ['kafka.Kafka', settingsFile]);
  }

  /**
   * @param {string[]} flags
   * @param {string[]} program
   */
  #run(flags, program) {
    const { java: command, classpath, logFile, removeWithParent } = this.#options;
    const args = [...flags, ...LOGGING_FLAGS, '-Djava.awt.headless=true', '-cp', classpath, ...program];
    return new GuardedProcess({ command, args, logFile, removeWithParent });
  }
}

/** @returns {string} a Kafka UUID; a leading '-' would read as an option of the format tool */
function randomClusterId() {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? randomClusterId() : id;
}
