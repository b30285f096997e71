import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../until.mjs';
import { isOwner, owns } from './replica-faults.mjs';

/** @typedef {import('../round.mjs').Round} Round */

/** @typedef {Awaited<ReturnType<Round['startLinked']>>} Linked */

/**
 * A replica that goes by links, once it owns partitions.
 * @param {Round} round
 * @returns {Promise<Linked>}
 */
export async function linkedOwner(round) {
  const linked = await round.startLinked();
  await until('the linked replica to own partitions', () => owns(linked.replica, round.meter.stands));
  await round.recovered('another replica');
  round.say(`${linked.replica.name} goes by links that can be cut`);
  return linked;
}

/** @param {Round} round @param {import('../replica.mjs').Replica} replica */
async function isBack(round, replica) {
  await round.recovered('a cut');
  await until('it to own partitions again', () => owns(replica, round.meter.stands));
  await replica.ready();
}

/**
 * It cannot tell Kafka that it lives, but reaches the database: others take over, and what it stores from then on is fenced off.
 * @param {Round} round
 * @param {{ times: number }} how
 */
export async function cutOffFromKafka(round, { times }) {
  const { replica, kafka } = await linkedOwner(round);
  for (let time = 1; time <= times; time++) {
    await delay(round.random.between(0, 2_000));
    kafka.cut();
    round.say(`${replica.name} is cut off from Kafka`);
    await until('others to own its partitions', () => !owns(replica, round.meter.stands));
    await round.recovered('a replica that is cut off');
    await delay(round.random.between(0, 10_000));
    kafka.mend();
    round.say('the link is mended');
    await isBack(round, replica);
  }
}

/**
 * It lives for Kafka and keeps its partitions, but cannot store: they wait, aloud, and the others go on.
 * @param {Round} round
 * @param {{ seconds: readonly number[] }} how how long, time after time
 */
export async function cutOffFromDatabase(round, { seconds }) {
  const { meter } = round;
  const { replica, postgres } = await linkedOwner(round);
  for (const length of seconds) {
    await delay(round.random.between(0, 2_000));
    postgres.cut();
    const mendsAt = performance.now() + length * 1_000;
    round.say(`${replica.name} is cut off from PostgreSQL for ${length} s`);
    await round.seen('readiness that tells of it', async () => (await replica.readiness()) === 503);
    const before = new Map(await meter.fresh());
    await round.seen('checkpoints of others that move on', () =>
      [...before].every(
        ([partition, stand]) => isOwner(replica, stand) || meter.stands.get(partition).next > stand.next,
      ),
    );
    await delay(Math.max(0, mendsAt - performance.now()));
    postgres.mend();
    round.say('the link is mended');
    await isBack(round, replica);
  }
}

/** @param {Round} round @param {{ times: number, linked?: Linked }} how linked: default, one that is started */
export async function cutOffFromAll(round, { times, linked }) {
  const { replica, kafka, postgres } = linked ?? (await linkedOwner(round));
  for (let time = 1; time <= times; time++) {
    await delay(round.random.between(0, 2_000));
    const links = round.random.shuffle([kafka, postgres]);
    for (const link of links) link.cut();
    round.say(`${replica.name} is cut off from Kafka and PostgreSQL`);
    await until('others to own its partitions', () => !owns(replica, round.meter.stands));
    await round.recovered('a replica that is cut off');
    for (const link of round.random.shuffle(links)) {
      link.mend();
      await delay(round.random.between(0, 5_000));
    }
    round.say('the links are mended');
    await isBack(round, replica);
  }
}

/** All connections of a replica end again and again. @param {Round} round @param {{ times: number }} how */
export async function resetConnections(round, { times }) {
  const { replica, kafka, postgres } = await linkedOwner(round);
  for (let time = 1; time <= times; time++) {
    await delay(round.random.between(100, 2_000));
    const links = round.random.pick([[kafka], [postgres], [kafka, postgres]]);
    for (const link of links) link.reset();
  }
  round.say(`its connections to Kafka, to PostgreSQL, or to both were reset ${times} times`);
  await isBack(round, replica);
}
