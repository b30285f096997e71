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

/** The database is there, and answers nobody. @param {Round} round */
export async function freezeDatabase(round, { seconds }) {
  const { postgres } = round;
  const thawsAt = performance.now() + seconds * 1_000;
  try {
    postgres.freeze();
    round.say(`SIGSTOP of PostgreSQL for ${seconds} s`);
    await round.seen('replicas that are not ready', () => round.someReplicaIsNotReady());
    await delay(Math.max(0, thawsAt - performance.now()));
  } finally {
    postgres.thaw();
  }
  round.say('SIGCONT of PostgreSQL');
  await round.recovered('a frozen database');
}

/**
 * What happens in the COMMIT of a transaction that moves a checkpoint, from now on: a deferred trigger runs there, before its record
 * is written.
 * @param {Round} round
 * @param {{ seconds?: number, standby?: boolean }} how seconds: it takes that long. standby: once written, it waits for a standby
 */
async function setCommits(round, { seconds = 0, standby = false }) {
  await round.sql(`
    CREATE TABLE IF NOT EXISTS chaos_commit (seconds double precision, standby boolean);
    GRANT SELECT ON chaos_commit TO PUBLIC;
    BEGIN;
    DELETE FROM chaos_commit;
    INSERT INTO chaos_commit VALUES (${seconds}, ${standby});
    COMMIT;
    CREATE OR REPLACE FUNCTION chaos_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      -- Once a transaction, however many checkpoints it moves.
      IF coalesce(current_setting('chaos.done', true), '') <> txid_current()::text THEN
        PERFORM set_config('chaos.done', txid_current()::text, true);
        PERFORM CASE WHEN standby THEN set_config('synchronous_commit', 'on', true) END, pg_sleep(seconds) FROM chaos_commit;
      END IF;
      RETURN NULL;
    END $$;`);
  const [{ exists }] = await round.sql(
    `SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'chaos_commit')`,
  );
  if (!exists)
    await round.sql(`
      CREATE CONSTRAINT TRIGGER chaos_commit AFTER UPDATE ON ingest_partitions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.next_offset <> NEW.next_offset) EXECUTE FUNCTION chaos_commit()`);
}

/** @param {Round} round */
export async function slowDownCommits(round, { seconds, commits }) {
  await setCommits(round, { seconds });
  round.say(`every COMMIT takes ${seconds} s`);
  const times = [];
  for (let commit = 0; commit < commits; commit++) {
    const before = total(await round.meter.fresh());
    const beganAt = performance.now();
    await until('a slow COMMIT', () => total(round.meter.stands) > before);
    times.push(performance.now() - beganAt);
  }
  await setCommits(round, {});
  // One may be under way when it is looked for; two replicas take turns.
  round.expect(
    Math.max(...times) > seconds * 500,
    `no COMMIT took long: ${times.map((time) => time.toFixed(0)).join(', ')} ms`,
  );
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
  // Whoever else commits does not wait for the standby.
  if (written) await postgres.set({ synchronous_standby_names: 'nobody', synchronous_commit: 'local' });
  await setCommits(round, written ? { standby: true } : { seconds: 3 });
  const event = written ? 'SyncRep' : 'PgSleep';
  try {
    for (let kill = 1; kill <= kills; kill++) {
      const ended = await until('a COMMIT to end', async () => {
        const rows = await round.sql(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event = '${event}' AND query ~* '^COMMIT'`,
        );
        return rows.length;
      });
      round.say(
        `${ended} COMMIT ended, ${written ? 'after' : 'before'} it was written (${kill} of ${kills})`,
      );
    }
  } finally {
    await setCommits(round, {});
    if (written) await postgres.set({ synchronous_standby_names: null, synchronous_commit: null });
  }
  await round.recovered(written ? 'commits without an answer' : 'commits that fail');
}

/** @param {Round} round */
export async function makeReadOnly(round) {
  const someReplicaSays = round.listen();
  await round.postgres.set({ default_transaction_read_only: 'on' });
  round.say('PostgreSQL is read-only');
  try {
    await round.seen('flushes that fail', () => someReplicaSays('read-only transaction'));
    await delay(round.random.between(2_000, 5_000));
  } finally {
    await round.postgres.set({ default_transaction_read_only: null });
  }
  round.say('PostgreSQL takes writes again');
  await round.recovered('a read-only database');
}

/** Nobody gets a new connection, and those there are end. @param {Round} round */
export async function exhaustConnections(round) {
  const someReplicaSays = round.listen();
  await round.sql('ALTER ROLE telecom CONNECTION LIMIT 1');
  const ended = await round.sql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'telecom' AND datname = current_database()`,
  );
  round.say(`${ended.length} connections ended, one is allowed`);
  try {
    await round.seen('replicas that get no connection', () => someReplicaSays('too many connections'));
    await delay(round.random.between(2_000, 5_000));
  } finally {
    await round.sql('ALTER ROLE telecom CONNECTION LIMIT -1');
  }
  round.say('connections are allowed again');
  await round.recovered('too few connections');
}
