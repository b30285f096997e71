import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/**
 * A process that is frozen in the middle of a transaction keeps its locks, and all replicas wait: for no longer than this. Less
 * than the default KAFKA_SESSION_TIMEOUT, so that its heir finds them free.
 */
const MOST_IDLE = '10s';

/**
 * Runs work in one transaction. TypeORM's own helper gives a connection back to the pool even when its ROLLBACK did not
 * get through; whoever got it next would have worked on, and committed, what was meant to be void. Here a connection
 * is given back only after COMMIT, or after ROLLBACK for a `refusal`; after any other failure it is closed, and with it
 * its transaction.
 * @param isRefusal true for errors of the work itself, after which the connection is known to be well; by default none is
 */
export async function inTransaction<T>(
  database: DataSource,
  work: (transaction: EntityManager) => Promise<T>,
  isRefusal: (error: unknown) => boolean = () => false,
): Promise<T> {
  const runner = database.createQueryRunner();
  const client = (await runner.connect()) as { end(): Promise<void> };
  try {
    await runner.startTransaction();
    await runner.query(`SET LOCAL idle_in_transaction_session_timeout = '${MOST_IDLE}'`);
    const result = await work(runner.manager);
    await runner.commitTransaction();
    await runner.release();
    return result;
  } catch (error) {
    if (isRefusal(error)) await rollBack(runner, client);
    else await close(runner, client);
    throw error;
  }
}

async function rollBack(runner: QueryRunner, client: { end(): Promise<void> }): Promise<void> {
  try {
    await runner.rollbackTransaction();
    await runner.release();
  } catch {
    await close(runner, client);
  }
}

/** Ends the connection, without waiting for a server that may hang, and takes it out of the pool. */
export async function close(runner: QueryRunner, client: { end(): Promise<void> }): Promise<void> {
  client.end().catch(() => undefined);
  // The pool drops a connection that has begun to end.
  await runner.release().catch(() => undefined);
}
