import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { StartupError } from '../config/startup-error.js';
import {
  assertWritable,
  findPostgresBinaries,
  postgresRunner,
  type PostgresBinaries,
  type Runner,
} from './postgres-binaries.js';

const START_TIMEOUT_MS = 60_000;
const DATABASE = 'telecom';
/** Advisory lock in the database `postgres`, held for as long as a service uses the data folder. */
const FOLDER_LOCK = 7_401_001;

/** Who uses a data folder; the holder of its lock says so as application_name. */
type FolderRole = 'service' | 'command';
const applicationName = (role: FolderRole): string => `telecom-${role}`;

export interface EmbeddedPostgresOptions {
  /** Folder for the cluster, its password and its log; made when missing. */
  readonly dataDir: string;
  /** PostgreSQL settings on top of the defaults, such as `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** `command`: a short-lived user, which may share the server of a service; others wait for it to end. */
  readonly role?: FolderRole;
  /** Told about the steps that take a moment. */
  readonly progress?: (line: string) => void;
}

/**
 * A PostgreSQL of this process's own, on a free loopback port, with its data in a folder.
 * It outlives neither a stop nor a kill -9 of this process; the next start on the same folder goes on with its data.
 */
export class EmbeddedPostgres {
  private constructor(
    /** `postgresql://` URL of the database, password included. */
    readonly url: string,
    private readonly lock: pg.Client,
    private readonly stopServer: () => Promise<void>,
  ) {}

  /** @throws StartupError when a service has the folder already, the folder is not writable, or the server does not come up */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const cluster = await Cluster.open(options);
    const { client, port, holder } = await cluster.takeFolder();
    if (holder === 'service') {
      if (options.role === 'command')
        return new EmbeddedPostgres(cluster.url(port, DATABASE), client, () => Promise.resolve());
      await client.end();
      throw new StartupError(
        `The data folder ${cluster.folder} is in use by another running service: stop that one, or set DATA_DIR to another folder`,
      );
    }
    const exists = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (exists.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    const watchdog = cluster.stopWithThisProcess();
    const url = cluster.url(port, DATABASE);
    writeFileSync(join(cluster.folder, 'postgres.url'), `${url}\n`, { mode: 0o600 });
    return new EmbeddedPostgres(url, client, async () => {
      await cluster.stop();
      watchdog?.stdin?.end();
    });
  }

  async stop(): Promise<void> {
    // The folder stays locked until its server is gone: whoever waits for it starts one anew.
    await this.stopServer();
    await this.lock.end().catch(() => undefined);
  }
}

class Cluster {
  readonly data: string;
  private readonly password: string;

  private constructor(
    readonly folder: string,
    private readonly binaries: PostgresBinaries,
    private readonly runner: Runner,
    private readonly options: EmbeddedPostgresOptions,
  ) {
    this.data = join(folder, 'postgres');
    this.password = this.readPassword();
  }

  static async open(options: EmbeddedPostgresOptions): Promise<Cluster> {
    const binaries = await findPostgresBinaries();
    const folder = resolve(options.dataDir);
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw new StartupError(
        `The folder ${folder} cannot be made: ${(cause as Error).message}; set DATA_DIR to another one`,
        { cause },
      );
    }
    assertWritable(folder);
    const cluster = new Cluster(folder, binaries, postgresRunner([folder, binaries.postgres]), options);
    if (!existsSync(join(cluster.data, 'PG_VERSION'))) await cluster.initialise();
    return cluster;
  }

  url(port: number, database: string): string {
    return `postgresql://postgres:${this.password}@127.0.0.1:${port}/${database}`;
  }

  /** Takes the folder's lock; while a command has it, waits for that to end. */
  async takeFolder(): Promise<{ client: pg.Client; port: number; holder: 'me' | 'service' }> {
    for (let told = false; ;) {
      const { client, port } = await this.connectOrStart();
      const holder = await lockFolder(client);
      if (holder === 'me' || holder === 'service') return { client, port, holder };
      await client.end().catch(() => undefined);
      if (!told) this.options.progress?.('Waiting for npm run batch, which has the data folder, to end …');
      told = true;
      await delay(200);
    }
  }

  /** Connects to the server that a killed process may have left running on this folder, or starts one. */
  async connectOrStart(): Promise<{ client: pg.Client; port: number }> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const port = this.runningPort() ?? (await this.startServer());
      const client = new pg.Client({
        connectionString: this.url(port, 'postgres'),
        application_name: applicationName(this.options.role ?? 'service'),
      });
      // The lock's connection ends with the server; whoever uses the database notices that by itself.
      client.on('error', () => undefined);
      try {
        await client.connect();
        return { client, port };
      } catch (cause) {
        if (Date.now() > deadline)
          throw new StartupError(`The embedded PostgreSQL does not answer: ${(cause as Error).message}`, {
            cause,
          });
        // Starting up, or shutting down after its service was killed: its pid file goes away or it answers.
        await delay(100);
        if ((cause as NodeJS.ErrnoException).code === 'ECONNREFUSED') await this.startServer();
      }
    }
  }

  async stop(): Promise<void> {
    await this.run(this.binaries.pg_ctl, ['stop', '-D', this.data, '-m', 'fast', '-w', '-s']);
  }

  /** A tiny shell that waits for this process's end, even by kill -9, and then stops the server. */
  stopWithThisProcess(): ChildProcess | undefined {
    if (process.platform === 'win32') return undefined;
    const [command, args] = this.runner.command('sh', [
      '-c',
      'cat; exec "$0" stop -D "$1" -m fast -s',
      this.binaries.pg_ctl,
      this.data,
    ]);
    const watchdog = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
    watchdog.on('error', () => undefined);
    watchdog.stdin.on('error', () => undefined);
    watchdog.unref();
    (watchdog.stdin as unknown as { unref(): void }).unref();
    return watchdog;
  }

  private readPassword(): string {
    const file = join(this.folder, 'postgres.password');
    if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600 });
    return readFileSync(file, 'utf8').trim();
  }

  private async initialise(): Promise<void> {
    this.options.progress?.('Creating the embedded PostgreSQL …');
    // A first start that was killed half-way leaves a folder without PG_VERSION; nothing can be in it yet.
    rmSync(this.data, { recursive: true, force: true });
    mkdirSync(this.data, { mode: 0o700 });
    const passwordFile = join(this.folder, 'initdb.password');
    writeFileSync(passwordFile, this.password, { mode: 0o600 });
    try {
      if (this.runner.owner)
        for (const path of [this.data, passwordFile])
          chownSync(path, this.runner.owner.uid, this.runner.owner.gid);
      const { code, output } = await this.run(this.binaries.initdb, [
        ...['-D', this.data, '-U', 'postgres', `--pwfile=${passwordFile}`],
        ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'],
      ]);
      if (code !== 0)
        throw new StartupError(`The embedded PostgreSQL could not be created: ${lastLine(output)}`);
    } finally {
      rmSync(passwordFile, { force: true });
    }
  }

  /** Port of the server that has this folder open, from its pid file. */
  private runningPort(): number | undefined {
    try {
      const port = Number(readFileSync(join(this.data, 'postmaster.pid'), 'utf8').split('\n')[3]);
      return port > 0 ? port : undefined;
    } catch {
      return undefined;
    }
  }

  private async startServer(): Promise<number> {
    const port = await freePort();
    const settings = {
      timezone: 'UTC',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      ...this.options.settings,
    };
    const flags = Object.entries(settings)
      .map(([name, value]) => `-c ${name}='${value}'`)
      .join(' ');
    // pg_ctl puts the server in a session of its own, so that Ctrl-C in the terminal reaches only this process.
    const log = join(this.data, 'server.log');
    const { code, output } = await this.run(this.binaries.pg_ctl, [
      'start',
      '-D',
      this.data,
      '-w',
      '-s',
      '-l',
      log,
      '-o',
      `-p ${port} ${flags}`,
    ]);
    if (code === 0) return port;
    const running = this.runningPort();
    if (running !== undefined) return running; // another process was quicker; the folder lock decides who stays
    throw new StartupError(`The embedded PostgreSQL does not start: ${lastLine(output)} (see ${log})`);
  }

  private run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
    const [command, all] = this.runner.command(program, args);
    // stdout/stderr go to pipes that the server must not inherit for good: pg_ctl -l redirects them.
    const child = spawn(command, all, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C' },
      detached: true,
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((done, fail) => {
      child.on('error', (cause) => {
        fail(
          new StartupError(
            `${command} cannot be run: ${cause.message}; set DATABASE_URL to use a PostgreSQL of your own`,
            { cause },
          ),
        );
      });
      child.on('exit', (code) => {
        done({ code, output });
      });
    });
  }
}

/** Who has the folder of this server now; `unknown` when that is about to change. */
async function lockFolder(client: pg.Client): Promise<'me' | FolderRole | 'unknown'> {
  try {
    const locked = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(${FOLDER_LOCK}) AS locked`,
    );
    if (locked.rows[0]?.locked) return 'me';
    const holder = await client.query<{ application_name: string }>(
      `SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND objid = ${FOLDER_LOCK} AND granted`,
    );
    const name = holder.rows[0]?.application_name;
    if (name === undefined) return 'unknown';
    return name === applicationName('command') ? 'command' : 'service';
  } catch {
    return 'unknown'; // the command that had the folder stops the server
  }
}

const lastLine = (output: string): string => output.trim().split('\n').at(-1) ?? 'no output';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening, fail) => server.once('error', fail).listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
