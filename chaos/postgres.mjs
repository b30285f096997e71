import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
// @ts-ignore It is built after types are checked.
import { findPostgresBinaries, postgresRunner } from '../dist/database/postgres-binaries.js';
import { GuardedProcess } from '../scripts/kafka/guarded-process.mjs';
import { pickFreePort } from '../scripts/kafka/ports.mjs';
import { until } from './until.mjs';

/** The service's own role: no superuser, so that limits of connections hold for it, as they do in production. */
const SERVICE_ROLE = 'telecom';

/**
 * A PostgreSQL that can be ended in every way and started again on the same port and data. Durable, as in production. Its
 * postmaster is our child, so that it cannot outlive us.
 */
export class Postgres {
  #process;
  /** Process ids of its children, while they are. @type {number[]} */
  #frozen = [];

  /**
   * @param {string} folder for the cluster and its log; made when missing
   * @param {Record<string, string | number>} [settings] on top of our own
   * @param {string} [removeWithParent] folder that goes when this process dies before the server does; default: the cluster's
   */
  static async start(folder, settings = {}, removeWithParent = folder) {
    const binaries = await findPostgresBinaries();
    mkdirSync(folder, { recursive: true });
    const runner = postgresRunner([folder, binaries.postgres]);
    if (runner.owner) chownSync(folder, runner.owner.uid, runner.owner.gid);
    const server = new Postgres(folder, await pickFreePort(), {
      binaries,
      runner,
      settings,
      removeWithParent,
    });
    const [command, args] = runner.command(binaries.initdb, [
      ...['-D', server.data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C'],
    ]);
    execFileSync(command, args, { cwd: '/', env: { ...process.env, LC_ALL: 'C' }, stdio: 'pipe' });
    await server.launch();
    await server.query(`CREATE ROLE ${SERVICE_ROLE} LOGIN`);
    return server;
  }

  /** @private use Postgres.start() */
  constructor(folder, port, { binaries, runner, settings, removeWithParent }) {
    this.data = join(folder, 'data');
    this.logFile = join(folder, 'postgres.log');
    this.port = port;
    this.binaries = binaries;
    this.runner = runner;
    this.settings = settings;
    this.removeWithParent = removeWithParent;
  }

  get isRunning() {
    return this.#process?.isRunning ?? false;
  }

  /** For the tests: a superuser, whom no limit holds back. */
  adminUrl(database = 'postgres') {
    return `postgresql://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** For the service. @param {string} database @param {number} [port] that of a link to it */
  serviceUrl(database, port = this.port) {
    return `postgresql://${SERVICE_ROLE}@127.0.0.1:${port}/${database}`;
  }

  async createDatabase(name) {
    await this.query(`CREATE DATABASE ${name} OWNER ${SERVICE_ROLE}`);
  }

  /** One statement on a connection of its own. @returns {Promise<any[]>} its rows */
  async query(sql, parameters = [], database = 'postgres') {
    const client = new pg.Client({
      connectionString: this.adminUrl(database),
      connectionTimeoutMillis: 5_000,
      query_timeout: 30_000,
      // An administrator's session is not the one under test.
      options: '-c default_transaction_read_only=off -c synchronous_commit=local',
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(sql, parameters)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Changes settings of the running server; null takes one back. @param {Record<string, string | null>} settings */
  async set(settings) {
    for (const [name, value] of Object.entries(settings))
      await this.query(
        value === null ? `ALTER SYSTEM RESET ${name}` : `ALTER SYSTEM SET ${name} = '${value}'`,
      );
    await this.query('SELECT pg_reload_conf()');
  }

  /** Starts the server, and waits until it has recovered and answers. */
  async launch() {
    const settings = {
      port: this.port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      timezone: 'UTC',
      ...this.settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [command, args] = this.runner.command(this.binaries.postgres, ['-D', this.data, ...flags]);
    this.#process = new GuardedProcess({
      command,
      args: [...args],
      logFile: this.logFile,
      removeWithParent: this.removeWithParent,
      cwd: '/',
    });
    await until('PostgreSQL to answer', async () => {
      if (!this.isRunning)
        throw new Error(`PostgreSQL has ended:\n${readFileSync(this.logFile, 'utf8').slice(-2_000)}`);
      return this.query('SELECT 1').catch(() => undefined);
    });
  }

  /** SIGSTOP of all its processes: connections stay open, and nothing answers. */
  freeze() {
    // It makes no more of them then.
    this.#process?.signal('SIGSTOP');
    process.once('exit', this.thaw);
    this.#frozen = this.#children();
    for (const pid of this.#frozen) signal(pid, 'SIGSTOP');
  }

  thaw = () => {
    process.off('exit', this.thaw);
    for (const pid of this.#frozen.splice(0)) signal(pid, 'SIGCONT');
    this.#process?.signal('SIGCONT');
  };

  /** As pg_ctl stop -m immediate: no checkpoint, no farewell; the next start recovers from the WAL. */
  async crash() {
    this.#process?.signal('SIGQUIT');
    await this.#process?.waitForEnd();
  }

  async stop() {
    this.thaw();
    this.#process?.signal('SIGINT');
    if ((await this.#process?.waitForEnd(10_000)) === undefined) await this.crash();
  }

  /** @returns {number[]} process ids: the server has one process for each connection, and some of its own */
  #children() {
    const { pid } = this.#process ?? {};
    if (!pid || !this.isRunning) return [];
    const all = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    // The guard is one, too.
    return all.filter((child) => nameOf(child) === 'postgres').map(Number);
  }
}

/** @returns {string | undefined} of its program; undefined once it has ended */
function nameOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // It has just ended.
  }
}
