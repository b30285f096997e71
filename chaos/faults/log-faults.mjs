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
 * The topic is deleted and made anew.
 * @param {Round} round
 * @param {{ longer: boolean, reason: string }} as longer: than the checkpoints when the replicas come to see it
 */
export async function recreateTopic(round, { longer, reason }) {
  const { replicas, meter, topic, log, traffic } = round;
  const size = replicas.running.length;
  await round.caughtUp();
  await log.readOn();
  const before = await meter.fresh();
  if (longer) await replicas.stop();
  await topic.recreate(before.size);
  round.say(`the topic is made anew; it had ${[...before.values()].map(({ next }) => next).join(', ')}`);
  log.newLog();
  if (longer) {
    await traffic.resume();
    await until('the new log to be longer than the old one', async () =>
      [...(await log.bounds())].every(([partition, { high }]) => high > before.get(partition).next),
    );
    await replicas.scaleTo(size);
  }
  const partitions = [...before.keys()];
  await expectHalted(round, partitions, reason);
  for (const partition of partitions) {
    const done = await acknowledge(round, partition);
    round.expect(done.to === '0', `partition ${partition} goes on at ${done.to} of the new log`);
  }
  await traffic.resume();
  await round.recovered('a topic made anew');
}

/** Loud: the log says it, and every replica shows it. */
async function expectHalted(round, partitions, reason) {
  const { replicas, meter } = round;
  await until(`partition ${partitions.join(', ')} to halt`, () =>
    partitions.every((partition) => meter.stands.get(partition)?.halted),
  );
  const shown = (await replicas.running[0].request('/pipeline')).partitions.filter(({ partition }) =>
    partitions.includes(partition),
  );
  for (const { partition, status, halted } of shown)
    round.expect(
      status === 'halted' && halted.reason === reason,
      `GET /pipeline says of partition ${partition}: ${status}, ${halted?.reason}, and not halted, ${reason}`,
    );
  await round.seen('the log to say that they are halted', () =>
    partitions.every((partition) => round.someReplicaSays(`Partition ${partition} is HALTED`)),
  );
  round.say(`partition ${partitions.join(', ')} halted: ${reason}`);
}

/** Whatever is halted now is acknowledged; its log is a new one. @param {Round} round */
export async function acknowledgeAll(round) {
  const halted = [...(await round.meter.fresh())].filter(([, { halted }]) => halted !== null);
  for (const [partition] of halted) await acknowledge(round, partition);
  round.log.newLog(halted.map(([partition]) => partition));
}

async function acknowledge(round, partition) {
  const [replica] = round.replicas.running;
  const done = await replica.request(`/pipeline/partitions/${partition}/acknowledge`, { method: 'POST' });
  round.say(`acknowledged: ${JSON.stringify(done)}`);
  return done;
}
