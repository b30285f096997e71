import { until } from '../until.mjs';

/** @typedef {import('../round.mjs').Round} Round */

/**
 * Records are deleted that nobody has read yet, as retention does when the service has been away for too long: that partition halts,
 * the others go on, and an acknowledgement names exactly what is lost.
 * @param {Round} round
 */
export async function deleteUnreadRecords(round) {
  const { random, replicas, meter, topic, log } = round;
  const size = replicas.running.length;
  await replicas.look();
  await replicas.kill();
  const stands = await meter.fresh();
  const partition = random.pick([...stands.keys()]);
  const { next: from } = stands.get(partition);
  const to = from + random.between(500, 5_000);
  round.say(`all replicas killed; partition ${partition} stands at ${from}`);
  await until('the log to be long enough', async () => (await log.bounds()).get(partition).high > to + 1_000);
  // What the service has counted, it must count; what comes now and is deleted, it must not.
  await log.readOn(new Map([...stands].map(([number, { next }]) => [number, next])));
  await topic.deleteRecords(new Map([[partition, to]]));
  log.lose(partition, to);
  round.say(`records of partition ${partition} before ${to} are deleted`);
  await replicas.scaleTo(size);
  await expectHalted(round, [partition], 'log_truncated');
  await round.recovered('deleted records, in the other partitions');
  const done = await acknowledge(round, partition);
  round.expect(
    done.from === String(from) && done.to === String(to),
    `the gap is ${from} to ${to}, the acknowledgement says ${done.from} to ${done.to}`,
  );
  await round.recovered('deleted records');
}

/**
 * The topic is deleted and made anew beneath replicas that have read all of it.
 * @param {Round} round
 */
export async function recreateTopic(round) {
  const { meter, topic, log, traffic } = round;
  await round.caughtUp();
  await log.readOn();
  const before = await meter.fresh();
  await topic.recreate(before.size);
  round.say(`the topic is made anew; it had ${positions(before)}`);
  log.newLog();
  // Records flow while it is halted, and are there when it is not any more.
  await traffic.resume();
  await goOnWithNewLog(round, before);
}

/**
 * The topic is deleted and made anew while no replica is there, with records that nobody has read; and it is longer than the old
 * one was when they come back.
 * @param {Round} round
 */
export async function replaceTopic(round) {
  const { replicas, meter, topic, log, traffic } = round;
  const size = replicas.running.length;
  await replicas.look();
  await replicas.kill();
  const before = await meter.fresh();
  const isBeyond = async (more) =>
    [...(await log.bounds())].every(([partition, { high }]) => high > before.get(partition).next + more);
  await until('records that nobody reads', () => isBeyond(1_000));
  await traffic.pause();
  await log.readOn(new Map([...before].map(([partition, { next }]) => [partition, next])));
  await topic.recreate(before.size);
  round.say(`the topic is made anew; checkpoints were ${positions(before)}`);
  log.newLog();
  await traffic.resume();
  await until('the new log to be longer than the old one', () => isBeyond(0));
  await replicas.scaleTo(size);
  await goOnWithNewLog(round, before);
}

const positions = (stands) => [...stands.values()].map(({ next }) => next).join(', ');

/** @param {Round} round @param {Map<number, import('../meter.mjs').Stand>} before as it was with the old log */
async function goOnWithNewLog(round, before) {
  const partitions = [...before.keys()];
  await expectHalted(round, partitions, 'log_replaced');
  for (const partition of partitions) {
    const done = await acknowledge(round, partition);
    const { next, incarnation } = before.get(partition);
    round.expect(
      done.from === String(next) && done.to === '0' && done.incarnation === incarnation + 1,
      `partition ${partition} was acknowledged from ${done.from} to ${done.to} as incarnation ${done.incarnation}`,
    );
  }
  await round.recovered('a topic made anew');
}

/**
 * Loud: the log says it, and every replica shows it.
 * @param {Round} round
 * @param {readonly number[]} partitions
 * @param {string} reason
 */
async function expectHalted(round, partitions, reason) {
  const { replicas, meter } = round;
  await until(`partition ${partitions.join(', ')} to halt`, () =>
    partitions.every((partition) => meter.stands.get(partition)?.halted),
  );
  const shown = (await replicas.awake.request('/pipeline')).partitions.filter(({ partition }) =>
    partitions.includes(partition),
  );
  for (const { partition, status, halted } of shown)
    round.expect(
      status === 'halted' && halted.reason === reason,
      `GET /pipeline says of partition ${partition}: ${status}, ${halted?.reason}, and not halted, ${reason}`,
    );
  await round.seen('the log to say that they are halted', () =>
    partitions.every((partition) =>
      replicas.all.some((replica) => replica.output().includes(`Partition ${partition} is HALTED`)),
    ),
  );
  round.say(`partition ${partitions.join(', ')} halted: ${reason}`);
}

/** All partitions have halted, as their log is another one, and are acknowledged. @param {Round} round */
export async function acknowledgeAll(round) {
  const partitions = [...round.meter.stands.keys()];
  await expectHalted(round, partitions, 'log_replaced');
  for (const partition of partitions) await acknowledge(round, partition);
  round.log.newLog(partitions);
}

/** @param {Round} round @param {number} partition */
async function acknowledge(round, partition) {
  const done = await round.replicas.awake.request(`/pipeline/partitions/${partition}/acknowledge`, {
    method: 'POST',
  });
  round.say(`acknowledged: ${JSON.stringify(done)}`);
  return done;
}
