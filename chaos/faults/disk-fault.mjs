import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Postgres } from '../postgres.mjs';

/** A cluster with its WAL and what a round stores take half of it. */
const DISK_MB = 768;

/**
 * A PostgreSQL of its own whose disk is a small tmpfs.
 * @param {import('../environment.mjs').Environment} environment
 * @returns {Promise<Postgres | null>} null where nothing can be mounted
 */
export async function smallDisk(environment) {
  const disk = join(environment.folder, 'small-disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m,mode=755`, 'tmpfs', disk], {
      stdio: 'pipe',
    });
  } catch {
    return null;
  }
  // Unmounts it when we are gone, however that comes: cat ends with our end of the pipe. In a session of its own, as Ctrl-C must
  // not reach it.
  const guard = spawn('sh', ['-c', 'cat; umount -l "$0"', disk], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  guard.unref();
  const postgres = await Postgres.start(join(disk, 'postgres'), {
    min_wal_size: '32MB',
    max_wal_size: '64MB',
  });
  const stop = postgres.stop.bind(postgres);
  return Object.assign(postgres, {
    ballast: join(disk, 'ballast'),
    async stop() {
      await stop();
      const unmounted = new Promise((done) => guard.once('exit', done));
      guard.ref(); // or nothing would keep us here until then
      guard.stdin.end();
      await unmounted;
      rmSync(disk, { recursive: true, force: true });
    },
  });
}

/**
 * Another file takes all the space there is; later it goes. Without space for its WAL PostgreSQL ends, and is started again, as an
 * administrator would.
 * @param {import('../round.mjs').Round} round
 */
export async function fillDisk(round) {
  const { postgres } = round;
  const someReplicaSays = round.listen();
  fill(postgres.ballast);
  round.say('the disk is full');
  try {
    await round.seen(
      'failures for want of space',
      () => !postgres.isRunning || someReplicaSays('No space left on device'),
    );
    await delay(round.random.between(2_000, 5_000));
  } finally {
    rmSync(postgres.ballast);
  }
  round.say(`there is space again; PostgreSQL is ${postgres.isRunning ? 'up' : 'down, and started again'}`);
  if (!postgres.isRunning) await postgres.launch();
  await round.recovered('a full disk');
}

function fill(file) {
  const { bavail, bsize } = statfsSync(join(file, '..'));
  let left = bavail * bsize;
  const chunk = Buffer.alloc(1024 * 1024);
  try {
    for (writeFileSync(file, ''); left > 0; left -= chunk.length) writeFileSync(file, chunk, { flag: 'a' });
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error;
  }
}
