import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../until.mjs';

/** @typedef {import('../round.mjs').Round} Round */

/** @param {Round} round */
export async function restartDatabase(round) {
  const { postgres } = round;
  round.say('immediate stop of PostgreSQL');
  await postgres.crash();
  try {
    await delay(round.random.between(0, 3_000));
  } finally {
    await postgres.launch();
  }
  round.say('PostgreSQL is back');
  await round.recovered('a restart of the database');
}

/**
 * COMMIT takes that long from now on, once a transaction that moves a checkpoint: a deferred trigger runs in COMMIT, before its
 * record is written.
 * @param {Round} round
 */
async function slowCommits(round, seconds) {
  await round.sql(`
    CREATE TABLE IF NOT EXISTS chaos_commit (seconds double precision NOT NULL);
    GRANT SELECT ON chaos_commit TO PUBLIC;
    DELETE FROM chaos_commit;
    INSERT INTO chaos_commit VALUES (${seconds});
    CREATE OR REPLACE FUNCTION chaos_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF coalesce(current_setting('chaos.slept', true), '') <> txid_current()::text THEN
        PERFORM set_config('chaos.slept', txid_current()::text, true);
        PERFORM pg_sleep(seconds) FROM chaos_commit;
      END IF;
      RETURN NULL;
    END $$;`);
  const [{ exists }] = await round.sql(`SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'chaos_commit')`);
  if (!exists)
    await round.sql(`
      CREATE CONSTRAINT TRIGGER chaos_commit AFTER UPDATE ON ingest_partitions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.next_offset <> NEW.next_offset) EXECUTE FUNCTION chaos_commit()`);
}

/** @param {Round} round */
export async function slowDownCommits(round, { seconds, commits }) {
  await slowCommits(round, seconds);
  round.say(`every COMMIT takes ${seconds} s`);
  for (let commit = 0; commit < commits; commit++) {
    const before = total(await round.meter.fresh());
    await until('a slow COMMIT', () => total(round.meter.stands) > before);
  }
  await slowCommits(round, 0);
  round.say('COMMIT is quick again');
  await round.recovered('slow commits');
}

const total = (stands) => [...stands.values()].reduce((sum, { next }) => sum + next, 0);

/**
 * Ends connections in the middle of their COMMIT.
 * @param {Round} round
 * @param {{ written: boolean, kills: number }} how written: the COMMIT is in the WAL already, and only its answer is not out. The
 *   server waits for a standby that there is not; who asked cannot tell that from a COMMIT that has failed.
 */
export async function killCommits(round, { written, kills }) {
  const { postgres } = round;
  const waiting = written
    ? `wait_event = 'SyncRep' AND query ~* '^COMMIT'`
    : `wait_event = 'PgSleep' AND query ~* '^COMMIT'`;
  if (written) await postgres.set({ synchronous_standby_names: 'nobody' });
  else await slowCommits(round, 3);
  try {
    for (let kill = 1; kill <= kills; kill++) {
      const ended = await until('a COMMIT to end', async () => {
        const rows = await round.sql(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND ${waiting}`,
        );
        return rows.length;
      });
      round.say(`${ended} COMMIT ended, ${written ? 'after' : 'before'} it was written (${kill} of ${kills})`);
    }
  } finally {
    if (written) await postgres.set({ synchronous_standby_names: null });
    else await slowCommits(round, 0);
  }
  await round.recovered(written ? 'commits without an answer' : 'commits that fail');
}

/** @param {Round} round */
export async function makeReadOnly(round) {
  await round.postgres.set({ default_transaction_read_only: 'on' });
  round.say('PostgreSQL is read-only');
  try {
    await round.seen('flushes that fail', () => round.someReplicaSays('read-only transaction'));
    await delay(round.random.between(2_000, 5_000));
  } finally {
    await round.postgres.set({ default_transaction_read_only: null });
  }
  round.say('PostgreSQL takes writes again');
  await round.recovered('a read-only database');
}

/** Nobody gets a new connection, and those there are end. @param {Round} round */
export async function exhaustConnections(round) {
  await round.sql('ALTER ROLE telecom CONNECTION LIMIT 1');
  const ended = await round.sql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'telecom' AND datname = current_database()`,
  );
  round.say(`${ended.length} connections ended, one is allowed`);
  try {
    await round.seen('replicas that get no connection', () => round.someReplicaSays('too many connections'));
    await delay(round.random.between(2_000, 5_000));
  } finally {
    await round.sql('ALTER ROLE telecom CONNECTION LIMIT -1');
  }
  round.say('connections are allowed again');
  await round.recovered('too few connections');
}
