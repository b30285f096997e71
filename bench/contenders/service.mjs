import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { differences } from '../answer.mjs';
import { startService } from '../environment.mjs';

const FIRST_PORT = 24_000;

/**
 * Lets processes of the built service, each cold and all in one group, read a topic into an empty database: from the moment
 * the first of them has claimed partitions (all of the log before it) to the checkpoint of the last event.
 * @param {Record<string, string>} env
 * @param {{ replicas: number, answer: import('../../dist/simulator/core/answer-key.js').Answer }} work what it must find
 * @returns {Promise<import('./consumers.mjs').Result & { rateBeforeLast: number, flushes: number, differences: string[] }>}
 *   rateBeforeLast: up to the last checkpoint but one, as the last one waits for its timer
 */
export async function measureService(env, { replicas, answer }) {
  const events = answer.partitions.reduce((sum, { sent }) => sum + sent, 0);
  const database = new pg.Client({ connectionString: env.DATABASE_URL });
  await database.connect();
  const services = [];
  try {
    for (let replica = 0; replica < replicas; replica++)
      services.push(await startService(env, FIRST_PORT + replica));
    const cpuSeconds = () => services.reduce((sum, service) => sum + service.cpuSeconds(), 0);
    const alive = () => services.every((service) => service.isRunning());
    // A rebalance has partitions claimed anew.
    const [{ claimed }] = await statesUntil(database, alive, (claimed) => claimed !== null);
    const cpuAtFirst = cpuSeconds();
    const [last, beforeLast] = await statesUntil(database, alive, (_, consumed) => consumed >= events);
    const rateAt = ({ consumed, flushed }) => consumed / ((flushed - claimed) / 1000);
    const result = {
      rate: rateAt(last),
      rateBeforeLast: rateAt(beforeLast?.consumed ? beforeLast : last),
      cpuSeconds: ((cpuSeconds() - cpuAtFirst) / events) * 1e6,
      peakMb: Math.max(...services.map((service) => service.peakMb())),
    };
    await Promise.all(services.map((service) => service.stop()));
    return {
      ...result,
      flushes: await countFlushes(database),
      differences: await differences(database, env.KAFKA_TOPIC, answer),
    };
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    await database.end();
  }
}

/** How the service stands as soon as that is so, and how it stood at the checkpoint before. */
async function statesUntil(database, alive, isReached) {
  let [state, before] = [];
  for (;;) {
    if (!alive()) throw new Error('The service has ended before it was done');
    const { rows } = await database
      .query(
        `SELECT coalesce(sum(consumed), 0)::float8 AS consumed, min(claimed_at) AS claimed, max(last_flush_at) AS flushed FROM ingest_partitions`,
      )
      // The tables are not there yet.
      .catch(() => ({ rows: [{ consumed: 0, claimed: null }] }));
    if (state && rows[0].consumed !== state.consumed) before = state;
    state = rows[0];
    if (isReached(state.claimed, state.consumed)) return [state, before];
    await delay(50);
  }
}

/** Each flush is a transaction with a time of its own, which its anomalies have; of a hundred events one is an anomaly. */
async function countFlushes(database) {
  const { rows } = await database.query(
    `SELECT count(*)::integer AS flushes
       FROM (SELECT created_at FROM anomalies UNION SELECT last_flush_at FROM ingest_partitions WHERE last_flush_at IS NOT NULL) AS flushed`,
  );
  return rows[0].flushes;
}
