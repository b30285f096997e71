import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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
import { applicationName, lockFolder, type FolderRole } from './folder-lock.js';

const START_TIMEOUT_MS = 60_000;
const START_RACE_MS = 5_000;

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

/** A PostgreSQL cluster in a folder, and its server. */
export class Cluster {
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
    if (!cluster.exists()) await cluster.initialise();
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
    let startFailedAt: number | null = null;
    for (let mustStart = false; ;) {
      try {
        const port = (mustStart ? undefined : this.runningPort()) ?? (await this.startServer());
        return { client: await this.connect(port), port };
      } catch (cause) {
        const now = Date.now();
        // Of two that start it at once one fails; the server is there, or gone for good, in a moment.
        if (cause instanceof StartupError && now > (startFailedAt ??= now) + START_RACE_MS) throw cause;
        if (now > deadline)
          throw new StartupError(`The embedded PostgreSQL does not answer: ${(cause as Error).message}`, {
            cause,
          });
        // Starting up, or shutting down after its service was killed: its pid file goes away or it answers.
        mustStart = (cause as NodeJS.ErrnoException).code === 'ECONNREFUSED';
        await delay(100);
      }
    }
  }

  private async connect(port: number): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url(port, 'postgres'),
      application_name: applicationName(this.options.role ?? 'service'),
    });
    // The lock's connection ends with the server; whoever uses the database notices that by itself.
    client.on('error', () => undefined);
    await client.connect();
    return client;
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
    if (!existsSync(file)) {
      const mine = `${file}.${process.pid}`;
      writeFileSync(mine, randomBytes(24).toString('hex'), { mode: 0o600 });
      try {
        linkSync(mine, file); // unlike writing, this makes it whole, and only if it is not there
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        rmSync(mine);
      }
    }
    return readFileSync(file, 'utf8').trim();
  }

  /** Makes the cluster beside its place, and moves it there when it is whole: another process may be doing the same. */
  private async initialise(): Promise<void> {
    this.options.progress?.('Creating the embedded PostgreSQL …');
    this.removeLeftovers();
    const mine = `${this.data}.${process.pid}`;
    const passwordFile = join(this.folder, `initdb.${process.pid}.password`);
    rmSync(mine, { recursive: true, force: true });
    mkdirSync(mine, { mode: 0o700 });
    writeFileSync(passwordFile, this.password, { mode: 0o600 });
    try {
      if (this.runner.owner)
        for (const path of [mine, passwordFile])
          chownSync(path, this.runner.owner.uid, this.runner.owner.gid);
      const { code, output } = await this.run(this.binaries.initdb, [
        ...['-D', mine, '-U', 'postgres', `--pwfile=${passwordFile}`],
        ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'],
      ]);
      if (code !== 0)
        throw new StartupError(`The embedded PostgreSQL could not be created: ${lastLine(output)}`);
      renameSync(mine, this.data);
    } catch (cause) {
      // Another process may have been quicker.
      if (this.exists()) return;
      if (cause instanceof StartupError) throw cause;
      throw new StartupError(
        `The embedded PostgreSQL could not be put into ${this.data}: ${(cause as Error).message}; delete that folder if it holds nothing`,
        { cause },
      );
    } finally {
      rmSync(passwordFile, { force: true });
      rmSync(mine, { recursive: true, force: true });
    }
  }

  /** What a first start that was killed half-way has left. */
  private removeLeftovers(): void {
    for (const name of readdirSync(this.folder)) {
      const pid = /^postgres\.(\d+)$|^initdb\.(\d+)\.password$/.exec(name)?.slice(1).find(Boolean);
      if (pid && !isAlive(Number(pid))) rmSync(join(this.folder, name), { recursive: true, force: true });
    }
  }

  private exists(): boolean {
    return existsSync(join(this.data, 'PG_VERSION'));
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
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
