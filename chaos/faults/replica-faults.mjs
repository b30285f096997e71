import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../until.mjs';

/** @typedef {import('../round.mjs').Round} Round */

/** Whether the replica is named as the owner of a partition: by its process id. */
export const isOwner = (replica, { owner }) => owner?.split(':').at(-2) === String(replica.pid);

export const owns = (replica, stands) => [...stands.values()].some((stand) => isOwner(replica, stand));

/**
 * kill -9 of a random replica at random moments; another one takes its place at once. Half of the kills do not wait for the one
 * before to be over.
 * @param {Round} round
 * @param {{ kills: number, spared?: import('../replica.mjs').Replica }} how spared: is not killed
 */
export async function killRandomly(round, { kills, spared }) {
  const { random, replicas } = round;
  for (let kill = 1; kill <= kills; kill++) {
    await delay(random.between(100, 2_500));
    const victim = random.pick(replicas.running.filter((replica) => replica !== spared));
    await victim.look();
    await victim.kill();
    round.say(`kill -9 of ${victim.name} (${kill} of ${kills})`);
    const waits = random.next() < 0.5 || kill === kills;
    const successor = await replicas.start();
    await Promise.all([successor.ready(), waits && round.recovered('kill -9')]);
  }
}

/**
 * Replicas that end themselves with kill -9, each at a place in its code, the n-th time that it comes by. They die within seconds of
 * each other.
 * @param {Round} round
 * @param {readonly { failpoint: string, times?: number }[]} places
 */
export async function dieAt(round, places) {
  await Promise.all(
    places.map(async ({ failpoint, times = 1 }) => {
      const doomed = await round.replicas.startDoomed(`${failpoint}:${times}`);
      round.say(`${doomed.name} is to die at ${failpoint}, passage ${times}`);
      await hasDied(round, doomed, failpoint);
    }),
  );
  return round.recovered('kill -9 at a failpoint');
}

/**
 * The same for work that whoever comes first takes on: the replica is alone until it has died, and then two others come.
 * @param {Round} round
 * @param {{ failpoint: string, times?: number, begin: (replica: import('../replica.mjs').Replica) => Promise<void> }} work
 */
export async function dieAtWork(round, { failpoint, times = 1, begin }) {
  const { replicas } = round;
  const others = replicas.running;
  const doomed = await replicas.startDoomed(`${failpoint}:${times}`);
  await doomed.ready();
  await Promise.all(others.map((replica) => replica.stop()));
  round.say(`${doomed.name} is alone, and is to die at ${failpoint}, passage ${times}`);
  // The request may be cut off.
  const begun = begin(doomed).catch((error) => round.say(`${failpoint}: ${error.message}`));
  await hasDied(round, doomed, failpoint);
  await begun;
  await replicas.scaleTo(2);
  return round.recovered('kill -9 at a failpoint');
}

/** @param {Round} round @param {import('../replica.mjs').Replica} doomed @param {string} failpoint */
async function hasDied(round, doomed, failpoint) {
  const ending = await doomed.waitForEnd(60_000);
  if (ending !== 'SIGKILL') {
    await doomed.kill();
    throw new Error(`${doomed.name} did not come to ${failpoint}: ${ending ?? 'still running'}`);
  }
  round.say(`${doomed.name} has died at ${failpoint}`);
}

/**
 * Freezes a replica in the middle of its flush, with the locks that it has: they must be free again before long.
 * @param {Round} round
 */
export async function freezeInTransaction(round) {
  const { random, replicas } = round;
  const free = await round.lock('real_time_metrics');
  await until('all replicas to wait with their flushes', async () => {
    const [{ waiting }] = await round.sql(
      `SELECT count(*)::integer AS waiting FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE '%INSERT INTO real_time_metrics%'`,
    );
    return waiting >= replicas.running.length;
  });
  const zombie = random.pick(replicas.running);
  zombie.pause();
  round.say(`SIGSTOP of ${zombie.name} in its flush`);
  try {
    // The server is done with the statement, and waits for the next one, which does not come.
    await free();
    const ms = await round.recovered('a replica that froze in its flush');
    round.expect(ms < 30_000, `its locks held the others up for ${(ms / 1000).toFixed(0)} s`);
  } finally {
    zombie.resume();
  }
  round.say(`SIGCONT of ${zombie.name}`);
  await round.recovered('zombie');
}

/**
 * Freezes a replica until others have taken all its partitions over, and lets it go on: what it holds must be fenced off, and
 * it must come to own partitions again.
 * @param {Round} round
 */
export async function makeZombie(round) {
  const { random, replicas, meter } = round;
  const zombie = await until('a replica that owns partitions', () =>
    replicas.running.find((replica) => owns(replica, meter.stands)),
  );
  await zombie.look();
  const { fenced } = zombie.counters;
  await delay(random.between(0, 1_000));
  zombie.pause();
  round.say(`SIGSTOP of ${zombie.name}`);
  try {
    await until('others to own its partitions', () => meter.stands.size > 0 && !owns(zombie, meter.stands));
    await delay(random.between(0, 2_000));
  } finally {
    zombie.resume();
  }
  round.say(`SIGCONT of ${zombie.name}`);
  await round.recovered('zombie');
  await until('the zombie to own partitions again', () => owns(zombie, meter.stands));
  await zombie.look();
  round.say(`${zombie.name} is back; ${zombie.counters.fenced - fenced} of its flushes were fenced off`);
  return zombie.counters.fenced - fenced;
}

/**
 * Replicas come and go every few seconds, in good order or by kill -9.
 * @param {Round} round
 */
export async function stormOfRebalances(round, { cycles }) {
  const { random, replicas } = round;
  const epochs = async () => {
    const [{ sum }] = await round.sql('SELECT sum(epoch)::integer AS sum FROM ingest_partitions');
    return sum;
  };
  const before = await epochs();
  for (let cycle = 0; cycle < cycles; cycle++)
    for (const size of [1, 4, 2, 3]) {
      round.say(`${replicas.running.length} → ${size} replicas`);
      if (random.next() < 0.3 && replicas.running.length > size) {
        const victim = random.pick(replicas.running);
        await victim.look();
        await victim.kill();
      }
      await replicas.scaleTo(size);
      await delay(random.between(500, 3_000));
    }
  await round.recovered('a storm of rebalances');
  // A change of members has each partition claimed anew; changes that come together may be one.
  const claims = ((await epochs()) - before) / round.meter.stands.size;
  round.expect(claims >= 2 * cycles, `partitions were claimed ${claims} times each in ${cycles} cycles`);
  round.say(`each partition was claimed ${claims.toFixed(1)} times`);
}
