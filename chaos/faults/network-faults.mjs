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
  await linked.replica.ready();
  round.say(`${linked.replica.name} goes by links that can be cut`);
  return linked;
}

/**
 * Waits until others own its partitions, and count them.
 * @param {Round} round
 * @param {import('../replica.mjs').Replica} replica
 * @param {number} since when it went, by performance.now()
 */
async function isReplaced(round, replica, since) {
  await until('others to own its partitions', () => !owns(replica, round.meter.stands));
  await round.recovered('a replica that is cut off', since);
}

/**
 * Mends links, and waits until the replica owns partitions again.
 * @param {Round} round
 * @param {import('../replica.mjs').Replica} replica
 * @param {readonly import('../link.mjs').Link[]} links
 * @param {number} [mostApartMs] between them
 */
async function mend(round, replica, links, mostApartMs = 0) {
  for (const link of links) {
    link.mend();
    await delay(round.random.between(0, mostApartMs));
  }
  const mendedAt = performance.now();
  round.say('all is mended');
  await until('it to own partitions again', () => owns(replica, round.meter.stands));
  await replica.ready();
  await round.recovered('a link that is mended', mendedAt);
}

/**
 * It cannot tell Kafka that it lives, and gets no records, but reaches the database: others take over, while it may claim, store, do
 * the batch's work.
 * @param {Round} round
 * @param {{ times: number }} how
 */
export async function cutOffFromKafka(round, { times }) {
  const { replica, kafka } = await linkedOwner(round);
  for (let time = 1; time <= times; time++) {
    await delay(round.random.between(0, 2_000));
    kafka.cut();
    const cutAt = performance.now();
    round.say(`${replica.name} is cut off from Kafka`);
    await isReplaced(round, replica, cutAt);
    await delay(round.random.between(0, 10_000));
    await mend(round, replica, [kafka]);
  }
}

/**
 * It lives for Kafka and keeps its partitions, but cannot store: they wait, aloud, and the others go on. Once it is stopped, they take
 * over.
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
    await mend(round, replica, [postgres]);
  }
  postgres.cut();
  const ending = await replica.stop();
  const stoppedAt = performance.now();
  round.say(`${replica.name} was stopped while it was cut off: ${ending}`);
  round.expect(ending.startsWith('exit code'), `it did not stop: ${ending}`);
  await isReplaced(round, replica, stoppedAt);
}

/**
 * The link is cut just before a COMMIT comes through, or its answer; that comes much later, when the server has ended the session, or
 * others have taken over; also of a replica that is dead by then.
 * @param {Round} round
 * @param {readonly { side: import('../link.mjs').Side, seconds: number, killed?: boolean }[]} cuts side: near, the COMMIT; far, its
 *   answer
 */
export async function cutInCommit(round, cuts) {
  let linked = await linkedOwner(round);
  for (const { side, seconds, killed } of cuts) {
    const { replica, postgres } = linked;
    postgres.cutAt('COMMIT', side);
    await until('a COMMIT to be held', () => postgres.isCut);
    const held = side === 'near' ? 'a COMMIT' : 'the answer to a COMMIT';
    round.say(`${held} of ${replica.name} is held for ${seconds} s${killed ? ', and it is killed' : ''}`);
    if (killed) await replica.kill();
    await delay(seconds * 1_000);
    if (killed) {
      postgres.mend();
      linked = await linkedOwner(round);
    } else await mend(round, replica, [postgres]);
  }
}

/** @param {Round} round @param {{ times: number, linked?: Linked }} how linked: default, one that is started */
export async function cutOffFromAll(round, { times, linked }) {
  const { replica, kafka, postgres } = linked ?? (await linkedOwner(round));
  const links = [kafka, postgres];
  for (let time = 1; time <= times; time++) {
    await delay(round.random.between(0, 2_000));
    for (const link of round.random.shuffle(links)) link.cut();
    const cutAt = performance.now();
    round.say(`${replica.name} is cut off from Kafka and PostgreSQL`);
    await isReplaced(round, replica, cutAt);
    await mend(round, replica, round.random.shuffle(links), 5_000);
  }
}

/** All connections of a replica end again and again. @param {Round} round @param {{ times: number }} how */
export async function resetConnections(round, { times }) {
  const { replica, kafka, postgres } = await linkedOwner(round);
  let resets = 0;
  for (let time = 1; time <= times; time++) {
    await delay(round.random.between(100, 2_000));
    const links = round.random.pick([[kafka], [postgres], [kafka, postgres]]);
    resets += links.filter((link) => link.reset()).length;
  }
  round.say(`its connections to Kafka or to PostgreSQL were reset ${resets} times`);
  round.expect(resets >= times, `there were connections to be reset only ${resets} times`);
  await mend(round, replica, []);
}
