import { rememberDatabase } from '../rewind.mjs';
import { until } from '../until.mjs';
import { acknowledgeAll } from './log-faults.mjs';

/** @typedef {import('../round.mjs').Round} Round */

/**
 * A replica that freezes with events in memory, on their way to the database; others take over, count the same and more; and it
 * goes on.
 * @param {Round} round
 */
export async function freezeBeforeFlush(round) {
  const zombie = await round.replicas.startDoomed('flush.before:3:SIGSTOP');
  await until('the zombie to freeze', () => zombie.isFrozen);
  round.say(`${zombie.name} is frozen with a flush in its hands`);
  await round.recovered('a frozen replica');
  zombie.resume();
  round.say(`SIGCONT of ${zombie.name}`);
  await round.recovered('zombie');
}

/**
 * A replica freezes before its first flush; the topic is made anew, and another replica has it. When the first one goes on, it holds
 * events of a log that is gone, from the very offset at which the checkpoint stands. The round begins without replicas.
 * @param {Round} round
 * @returns {Promise<string[]>} differences: the new log is empty
 */
export async function wakeUpInAnotherLog(round) {
  const { replicas, meter, topic, traffic } = round;
  const zombie = await replicas.startDoomed('flush.before:1:SIGSTOP');
  await until('the zombie to freeze', () => zombie.isFrozen);
  const claimed = new Map(await meter.fresh());
  round.say(`${zombie.name} is frozen before its first flush`);
  await traffic.pause();
  await topic.recreate(claimed.size);
  round.say('the topic is made anew');
  const heir = await replicas.start();
  await until('another replica to claim the partitions', () =>
    [...meter.stands].every(([partition, { epoch }]) => epoch > claimed.get(partition).epoch),
  );
  await heir.ready();
  await acknowledgeAll(round);
  zombie.resume();
  round.say(`SIGCONT of ${zombie.name}`);
  await until('its flush to come through, or to be fenced off', async () => {
    const fenced = (await zombie.look())?.fenced ?? 0;
    return fenced > 0 || [...meter.stands.values()].some(({ next }) => next > 0);
  });
  if ([...meter.stands.values()].some(({ next }) => next > 0)) return round.compare();
  await traffic.resume();
  await round.recovered('a zombie of another log');
  return [];
}

/**
 * The database goes back in time, as when a standby takes over that lacks the last commits. Replicas have nothing to store at that
 * moment, so no error tells them.
 * @param {Round} round
 */
export async function rewindDatabase(round) {
  const { traffic } = round;
  await round.withDatabase(async (database) => {
    await round.caughtUp();
    const rewind = await rememberDatabase(database);
    await traffic.resume();
    await round.recovered('a remembered database');
    await round.caughtUp();
    await rewind();
  });
  round.say('the database is as it was some seconds ago');
  await traffic.resume();
  await round.recovered('a database that went back in time');
}
