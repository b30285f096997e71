import { join } from 'node:path';
import { Replica } from './replica.mjs';

/** All processes of the service that a round has ever started; those that are gone count on in the sums. */
export class Replicas {
  /** @type {Replica[]} */
  all = [];
  #started = 0;

  /**
   * @param {{ env: Record<string, string>, folder: string, dist: string, patched: () => string }} common folder: of the logs;
   *   patched: gives the folder of the service with failpoints
   */
  constructor(common) {
    this.common = common;
  }

  /** Those that run. @returns {Replica[]} */
  get running() {
    return this.all.filter((replica) => replica.isRunning);
  }

  /** One that answers. */
  get awake() {
    const replica = this.running.find(({ isFrozen }) => !isFrozen);
    if (!replica) throw new Error('No replica runs');
    return replica;
  }

  get sums() {
    const sum = (name) => this.all.reduce((total, { counters }) => total + counters[name], 0);
    return {
      taken: sum('taken'),
      fenced: sum('fenced'),
      peakMb: Math.max(0, ...this.all.map(({ peakMb }) => peakMb)),
      started: this.all.length,
    };
  }

  /** @param {{ env?: Record<string, string>, dist?: string }} [own] @returns {Promise<Replica>} not ready yet */
  async start({ env = {}, dist = this.common.dist } = {}) {
    const name = `replica-${++this.#started}`;
    const logFile = join(this.common.folder, `${name}.log`);
    const replica = await Replica.start({ name, logFile, dist, env: { ...this.common.env, ...env } });
    this.all.push(replica);
    return replica;
  }

  /** @param {string} failpoint see patch-catalogue.mjs @returns {Promise<Replica>} one that does there what it is told */
  async startDoomed(failpoint) {
    const replica = await this.start({ dist: this.common.patched(), env: { FAILPOINT: failpoint } });
    replica.mayEnd = true;
    return replica;
  }

  /** Starts or stops (SIGTERM) as many as it takes, and waits until those are ready. */
  async scaleTo(count) {
    const surplus = this.running.slice(count);
    const missing = Math.max(0, count - this.running.length);
    await Promise.all([
      ...surplus.map((replica) => replica.stop()),
      ...Array.from({ length: missing }, async () => (await this.start()).ready()),
    ]);
  }

  async look() {
    await Promise.all(this.running.map((replica) => replica.look()));
  }

  async stop() {
    await Promise.all(this.running.map((replica) => replica.stop()));
  }

  async kill() {
    await Promise.all(this.running.map((replica) => replica.kill()));
  }
}
