// @ts-check

const SCHEMA = 'chaos_saved';

/**
 * Remembers all rows of the service's tables, to put them back later: what its replicas see when a standby that lacks the last
 * commits takes over, or when a backup is restored beneath them.
 * @param {import('pg').Client} database
 * @returns {Promise<() => Promise<void>>} goes back to this moment; the schema stays as it is
 */
export async function rememberDatabase(database) {
  const tables = await tablesOf(database);
  await database.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`);
  await database.query(`CREATE SCHEMA ${SCHEMA}`);
  await database.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  for (const table of tables)
    await database.query(`CREATE TABLE ${SCHEMA}.${table} AS TABLE public.${table}`);
  await database.query('COMMIT');
  return async () => {
    await database.query('BEGIN');
    // Neither triggers nor foreign keys: rows come back as they were, in any order.
    await database.query(`SET LOCAL session_replication_role = 'replica'`);
    await database.query(
      `LOCK TABLE ${tables.map((table) => `public.${table}`).join(', ')} IN EXCLUSIVE MODE`,
    );
    for (const table of tables) {
      await database.query(`DELETE FROM public.${table}`);
      await database.query(`INSERT INTO public.${table} OVERRIDING SYSTEM VALUE TABLE ${SCHEMA}.${table}`);
    }
    await database.query('COMMIT');
  };
}

/** @param {import('pg').Client} database @returns {Promise<string[]>} partitioned tables, without their parts */
async function tablesOf(database) {
  const { rows } = await database.query(
    `SELECT quote_ident(relname) AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname`,
  );
  return rows.map(({ name }) => name);
}
