import pg from 'pg';
import { pickFreePort } from '../scripts/kafka/ports.mjs';
import { Feed } from './feed.mjs';
import { Link } from './link.mjs';
import { LogReader } from './log.mjs';
import { Meter } from './meter.mjs';
import { LogOracle } from './oracle.mjs';
import { Random } from './random.mjs';
import { Replicas } from './replicas.mjs';
import { rulesOf } from './rules.mjs';
import { Topic } from './topic.mjs';
import { InVain, until } from './until.mjs';
import { differences } from './verdict.mjs';

/** How long replicas may take to come to the end of the log, once it does not grow any more. */
const CATCH_UP_MS = 180_000;

/**
 * @typedef {object} Settings of a scenario
 * @property {number} [partitions]
 * @property {number} [replicas] at the beginning
 * @property {number} [rate] events a second
 * @property {Record<string, string>} [env] of the replicas
 * @property {string} [control] the bolt that the replicas lack, see patch-catalogue.mjs
 * @property {Partial<import('./traffic-events.mjs').Rates>} [rates] of bad, late and repeated events
 * @property {number} [startAgoMs] events and their records have times so long ago; default 0
 */

/** A topic, a database, replicas and traffic of its own, and what judges them. Faults are done to it from outside. */
export class Round {
  #beganAt = performance.now();
  #print;
  /** @type {{ kafka: Link, postgres: Link } | undefined} */
  #links;
  /** What happened, and when: seconds since the beginning. @type {{ at: number, text: string }[]} */
  events = [];
  /** What was to be seen, and was not. @type {string[]} */
  violations = [];

  /**
   * @param {import('./environment.mjs').Environment} environment
   * @param {{ name: string, seed: number, settings?: Settings, postgres?: import('./postgres.mjs').Postgres,
   *   print: (line: string) => void }} options name: that of its topic, database and folder; postgres: default that of the
   *   environment
   * @returns {Promise<Round>} traffic flows, and the replicas have begun to count it
   */
  static async begin(environment, options) {
    const round = new Round(environment, options);
    try {
      await round.#begin(options.settings ?? {});
    } catch (error) {
      await round.end();
      throw error;
    }
    return round;
  }

  /** @private use Round.begin() */
  constructor(environment, { name, seed, postgres = environment.postgres, print }) {
    this.environment = environment;
    this.postgres = postgres;
    this.name = name;
    this.seed = seed;
    this.random = new Random(seed);
    this.folder = environment.folderOf(name);
    this.#print = print;
  }

  /** @param {Settings} settings */
  async #begin({ partitions = 4, replicas = 2, rate = 20_000, env = {}, control, rates, startAgoMs = 0 }) {
    const { brokers } = this.environment;
    const { name, seed } = this;
    await this.postgres.createDatabase(name);
    this.topic = await Topic.create({ brokers, name, partitions });
    this.oracle = new LogOracle(rulesOf(env));
    this.log = new LogReader({ brokers, topic: name, oracle: this.oracle });
    this.replicas = new Replicas({
      folder: this.folder,
      dist: control === undefined ? 'dist' : this.environment.patched(control),
      patched: () => this.environment.patched(control),
      env: {
        DATABASE_URL: this.postgres.serviceUrl(name),
        KAFKA_BROKERS: brokers,
        KAFKA_TOPIC: name,
        KAFKA_GROUP_ID: name,
        ...env,
      },
    });
    this.meter = new Meter({ url: () => this.postgres.adminUrl(name), topic: name, replicas: this.replicas });
    this.traffic = new Feed({ brokers, topic: name, seed, rate, partitions, rates }, startAgoMs);
    await Promise.all([this.replicas.scaleTo(replicas), this.traffic.resume()]);
    if (replicas > 0) await this.#counting(partitions);
    this.say(`${replicas} replicas, ${partitions} partitions, ${rate} events/s`);
  }

  async #counting(partitions) {
    await until('all partitions to be counted', () => {
      const { stands } = this.meter;
      return stands.size === partitions && [...stands.values()].every(({ next }) => next > 0);
    });
  }

  /** Notes what happens. */
  say(text) {
    const at = (performance.now() - this.#beganAt) / 1000;
    this.events.push({ at, text });
    this.#print(`${at.toFixed(1).padStart(7)} s  ${text}`);
  }

  /** @param {boolean} holds @param {string} otherwise */
  expect(holds, otherwise) {
    if (holds) return;
    this.violations.push(otherwise);
    this.say(`VIOLATION: ${otherwise}`);
  }

  /** Waits for what a fault has to show. */
  async seen(what, probe) {
    try {
      await until(what, probe, { timeoutMs: 60_000 });
    } catch (error) {
      if (!(error instanceof InVain)) throw error;
      this.expect(false, `there were no ${what}`);
    }
  }

  /** @param {string} fault that has just ended @param {number} [since] when it began to be felt, by performance.now() */
  async recovered(fault, since) {
    let ms;
    try {
      ms = await this.meter.recovered(fault, since);
    } catch (error) {
      const ends = [...(await this.log.bounds())].map(
        ([partition, { stable }]) => `${partition} ends at ${stable}`,
      );
      throw new Error(
        `${error.message}; log: ${ends.join('; ')}; traffic: ${JSON.stringify(this.traffic.stats())}`,
        { cause: error },
      );
    }
    this.say(`checkpoints move on ${(ms / 1000).toFixed(1)} s after ${fault}`);
    return ms;
  }

  /**
   * A replica that reaches Kafka and PostgreSQL by ways of its own, which can be cut; one at a time.
   * @returns {Promise<{ replica: import('./replica.mjs').Replica, kafka: Link, postgres: Link }>}
   */
  async startLinked() {
    const links = (this.#links ??= await this.#openLinks());
    const env = {
      KAFKA_BROKERS: links.kafka.address,
      DATABASE_URL: this.postgres.serviceUrl(this.name, links.postgres.port),
    };
    return { replica: await this.replicas.start({ env }), ...links };
  }

  async #openLinks() {
    const postgres = await Link.open({ port: await pickFreePort(), target: this.postgres.port });
    try {
      return { postgres, kafka: await this.environment.linkToKafka() };
    } catch (error) {
      await postgres.close();
      throw error;
    }
  }

  /** One statement, or several without parameters, in the round's database. */
  sql(text, parameters) {
    return this.postgres.query(text, parameters, this.name);
  }

  /** Locks a table against writing. @returns {Promise<() => Promise<void>>} frees it */
  async lock(table) {
    const client = new pg.Client({ connectionString: this.postgres.adminUrl(this.name) });
    await client.connect();
    await client.query(`BEGIN; LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
    return () => client.end();
  }

  /** @returns {(text: string) => boolean} whether some replica has said this since now */
  listen() {
    const before = new Map(this.replicas.all.map((replica) => [replica, replica.output().length]));
    return (text) =>
      this.replicas.all.some((replica) => replica.output().includes(text, before.get(replica) ?? 0));
  }

  async someReplicaIsNotReady() {
    const statuses = await Promise.all(this.replicas.running.map((replica) => replica.readiness()));
    return statuses.some((status) => status === 503);
  }

  /** Traffic pauses, and the replicas come to the end of the log. */
  async caughtUp() {
    await this.traffic.pause();
    const bounds = await this.log.bounds();
    const behind = () =>
      [...bounds].filter(([partition, { stable }]) => this.meter.stands.get(partition)?.next !== stable);
    try {
      await until('the end of the log', () => behind().length === 0, { timeoutMs: CATCH_UP_MS });
    } catch (error) {
      if (!(error instanceof InVain)) throw error;
      const which = behind().map(
        ([partition, { stable }]) =>
          `${partition} is at ${this.meter.stands.get(partition)?.next} of ${stable}`,
      );
      throw new Error(`The replicas do not come to the end of the log: partition ${which.join(', ')}`, {
        cause: error,
      });
    }
    await this.meter.fresh();
  }

  /** @returns {Promise<string[]>} where the database differs from what the log says, when all of it is read */
  async judge() {
    await this.caughtUp();
    for (const { name, isRunning, mayEnd } of this.replicas.all)
      this.expect(isRunning || mayEnd, `${name} has ended by itself`);
    return this.compare();
  }

  /** @returns {Promise<string[]>} where it differs as it stands now */
  async compare() {
    await this.replicas.look();
    this.say('all is read; the verdict');
    await this.log.readOn();
    const { topic, log, oracle } = this;
    return this.withDatabase((database) =>
      differences({ database, topic: topic.name, answer: oracle.answer(), progress: log.progress }),
    );
  }

  /** @template T @param {(database: pg.Client) => Promise<T>} work on a connection of its own @returns {Promise<T>} */
  async withDatabase(work) {
    const database = new pg.Client({ connectionString: this.postgres.adminUrl(this.name) });
    await database.connect();
    try {
      return await work(database);
    } finally {
      await database.end();
    }
  }

  /** Everything of the round ends; its logs stay. */
  async end() {
    await this.traffic?.kill();
    await this.meter?.stop();
    await this.replicas?.kill();
    await Promise.all([this.#links?.kafka.close(), this.#links?.postgres.close()]);
    this.log?.close();
    await this.topic?.close();
  }
}
