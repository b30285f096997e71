import { setTimeout as delay } from 'node:timers/promises';
import { openTransaction, publishPoison } from '../poison.mjs';
import { until } from '../until.mjs';

/** @typedef {import('../round.mjs').Round} Round */

/** @param {Round} round */
export async function killBroker(round) {
  const { broker } = round.environment;
  round.say('kill -9 of the broker');
  await broker.kill();
  try {
    await delay(round.random.between(0, 3_000));
  } finally {
    await broker.restart();
  }
  round.say('the broker is back');
  await round.recovered('kill -9 of the broker');
}

/** The broker is there, and answers nobody. @param {Round} round */
export async function freezeBroker(round, { seconds }) {
  const { broker } = round.environment;
  broker.pause();
  round.say(`SIGSTOP of the broker for ${seconds} s`);
  const thawsAt = performance.now() + seconds * 1_000;
  try {
    // Readiness tells of silence after 10 s.
    if (seconds >= 15) await round.seen('replicas that are not ready', () => round.someReplicaIsNotReady());
    await delay(Math.max(0, thawsAt - performance.now()));
  } finally {
    broker.resume();
  }
  round.say('SIGCONT of the broker');
  await round.recovered('a frozen broker');
}

/** @param {Round} round */
export async function addPartitions(round, { add }) {
  const { meter, topic } = round;
  const before = meter.stands.size;
  await topic.addPartitions(before + add);
  round.say(`${before} → ${before + add} partitions`);
  // kafkajs looks for new ones every 30 s.
  await until('the new partitions to be owned', () => meter.stands.size === before + add);
  await round.recovered('added partitions');
}

/** Each kind of bad record, by each codec, in batches of all sizes and in transactions, beside the traffic. @param {Round} round */
export async function poison(round) {
  const { environment, meter, topic } = round;
  round.say('poison begins');
  const { records } = await publishPoison({
    brokers: environment.brokers,
    topic: topic.name,
    partitions: meter.stands.size,
  });
  round.say(`${records} poisonous records are in the log`);
  await round.recovered('poison');
  for (const end of ['commit', 'abort']) {
    const target = { brokers: environment.brokers, topic: topic.name, partitions: meter.stands.size };
    const open = await openTransaction(target);
    round.say(`a transaction of ${open.records} records is open`);
    await delay(round.random.between(1_000, 3_000));
    await open[end]();
    await round.recovered(`${end} of a transaction`);
  }
}
