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
 * @returns {Promise<import('./consumers.mjs').Result & { flushes: number, differences: string[] }>}
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
    let state = await stateOf(database, (claimed) => claimed !== null);
    // A rebalance has partitions claimed anew.
    const { claimed } = state;
    const cpuAtFirst = cpuSeconds();
    state = await stateOf(database, (_, consumed) => consumed >= events);
    const result = {
      rate: events / ((state.flushed - claimed) / 1000),
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

/** How the service stands as soon as that is so. */
async function stateOf(database, isReached) {
  for (;;) {
    const { rows } = await database
      .query(
        `SELECT coalesce(sum(consumed), 0)::float8 AS consumed, min(claimed_at) AS claimed, max(last_flush_at) AS flushed FROM ingest_partitions`,
      )
      // The tables are not there yet.
      .catch(() => ({ rows: [{ consumed: 0, claimed: null }] }));
    if (isReached(rows[0].claimed, rows[0].consumed)) return rows[0];
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
