// @ts-check
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';

const ROTATION_BYTES = 20 * 1024 * 1024;

/** broker.log: what Kafka and its JVM write, all runs on the same folder one after the other. */
export class BrokerLog {
  #runStart = 0;

  /** @param {string} file */
  constructor(file) {
    this.file = file;
  }

  /**
   * Call before each start: moves a big log of earlier runs to broker.log.1 and notes where this run begins.
   */
  beginRun() {
    this.#runStart = existsSync(this.file) ? statSync(this.file).size : 0;
    if (this.#runStart < ROTATION_BYTES) return;
    renameSync(this.file, `${this.file}.1`);
    this.#runStart = 0;
  }

  /**
   * @returns {string} this run's errors, then its last lines: a failed start ends in a long orderly shutdown
   *   that buries the cause
   */
  excerpt() {
    if (!existsSync(this.file)) return '';
    const lines = readFileSync(this.file).subarray(this.#runStart).toString('utf8').trimEnd().split('\n');
    const last = lines.splice(-10);
    const errors = lines.filter((line) => /\b(ERROR|FATAL)\b|Exception/.test(line)).slice(0, 10);
    return [...errors, ...last].map((line) => `  ${line}`).join('\n');
  }
}
