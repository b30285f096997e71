import type { DataSource, QueryRunner } from 'typeorm';
import { close } from './transaction.js';

/**
 * Runs work on a connection of its own, which is closed afterwards: its locks and temporary tables are gone then, whatever has
 * happened to it.
 */
export async function inSession<T>(
  database: DataSource,
  work: (session: QueryRunner) => Promise<T>,
): Promise<T> {
  const session = database.createQueryRunner();
  const client = (await session.connect()) as { end(): Promise<void> };
  try {
    return await work(session);
  } finally {
    await close(session, client);
  }
}
