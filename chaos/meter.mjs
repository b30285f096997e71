import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { InVain, until } from './until.mjs';

const POLL_MS = 100;
const LOOK_MS = 1_000;
const RECOVERY_TIMEOUT_MS = 120_000;

/**
 * @typedef {object} Stand how a partition stands in the database
 * @property {number} next checkpoint: the offset to read next
 * @property {number} incarnation
 * @property {string | null} halted why, while it is
 * @property {string | null} owner
 * @property {number} epoch
 */

/** Watches a round from outside: the checkpoints in the database, and what the replicas tell of themselves. */
export class Meter {
  #client;
  #stopped = false;
  #loops;
  #polls = 0;
  /** Times from the end of a fault until all partitions that are in service have moved on. @type {{ fault: string, ms: number }[]} */
  recoveries = [];
  /** As of the last look. @type {Map<number, Stand>} */
  stands = new Map();

  /** @param {{ url: () => string, topic: string, replicas: import('./replicas.mjs').Replicas }} of */
  constructor({ url, topic, replicas }) {
    this.url = url;
    this.topic = topic;
    this.replicas = replicas;
    this.#loops = [this.#repeat(POLL_MS, () => this.#poll()), this.#repeat(LOOK_MS, () => replicas.look())];
  }

  /** A look that has begun after now. Waits for the database. @returns {Promise<Map<number, Stand>>} */
  async fresh() {
    // The one that is under way may have begun before.
    const after = this.#polls + 2;
    await until('the database to tell the checkpoints', () => this.#polls >= after, { timeoutMs: 120_000 });
    return this.stands;
  }

  /**
   * Waits until every partition has moved its checkpoint on; those that are halted need not.
   * @param {string} fault that has just ended
   * @param {number} [since] what the time counts from, by performance.now(); default now
   */
  async recovered(fault, since = performance.now()) {
    const before = new Map(await this.fresh());
    const stuck = () =>
      [...this.stands].filter(
        ([partition, { halted, next }]) => !halted && next === before.get(partition)?.next,
      );
    try {
      await until('checkpoints', () => before.size > 0 && stuck().length === 0, {
        timeoutMs: RECOVERY_TIMEOUT_MS,
      });
    } catch (error) {
      if (!(error instanceof InVain)) throw error;
      const which = stuck().map(([partition, { next, owner }]) => `${partition} at ${next} of ${owner}`);
      throw new Error(`After ${fault} the checkpoints do not move on: partition ${which.join('; ')}`, {
        cause: error,
      });
    }
    const ms = performance.now() - since;
    this.recoveries.push({ fault, ms });
    return ms;
  }

  async stop() {
    this.#stopped = true;
    await Promise.all(this.#loops);
    await this.#client?.end().catch(() => undefined);
  }

  async #repeat(everyMs, work) {
    while (!this.#stopped) {
      await work();
      await delay(everyMs);
    }
  }

  async #poll() {
    try {
      this.#client ??= await this.#connect();
      const { rows } = await this.#client.query(
        `SELECT partition, next_offset, incarnation, epoch, owner, CASE WHEN halted_at IS NOT NULL THEN halted_reason END AS halted
           FROM ingest_partitions WHERE topic = $1 ORDER BY partition`,
        [this.topic],
      );
      this.stands = new Map(
        rows.map(({ partition, next_offset, incarnation, epoch, owner, halted }) => [
          partition,
          { next: Number(next_offset), epoch: Number(epoch), incarnation, owner, halted },
        ]),
      );
      this.#polls++;
    } catch {
      // The database is away, or has no tables yet.
      const client = this.#client;
      this.#client = undefined;
      await client?.end().catch(() => undefined);
    }
  }

  async #connect() {
    const client = new pg.Client({
      connectionString: this.url(),
      connectionTimeoutMillis: 2_000,
      query_timeout: 5_000,
    });
    client.on('error', () => (this.#client = undefined));
    await client.connect();
    return client;
  }
}
