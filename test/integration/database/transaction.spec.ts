import pg from 'pg';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../../src/database/transaction.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { waitFor } from '../../support/service.js';

describe('inTransaction', () => {
  let database: TestDatabase;
  let impatient: DataSource;
  let locker: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    await database.dataSource.query('CREATE TABLE account (id integer PRIMARY KEY, amount integer)');
    await database.dataSource.query('INSERT INTO account VALUES (1, 0)');
    // A client that gives up long before the server does, with one connection for all.
    impatient = await new DataSource({
      type: 'postgres',
      url: database.url,
      poolSize: 1,
      extra: { query_timeout: 300 },
    }).initialize();
    locker = new pg.Client({ connectionString: database.url });
    await locker.connect();
  });
  afterEach(async () => {
    await locker.end();
    await impatient.destroy();
    await database.drop();
  });

  const amount = async (): Promise<number> => {
    const [row]: { amount: number }[] = await database.dataSource.query('SELECT amount FROM account');
    return row!.amount;
  };

  it('leaves nothing behind when a statement times out while the server still works on it', async () => {
    await locker.query('BEGIN');
    await locker.query('SELECT * FROM account FOR UPDATE');
    const given = inTransaction(impatient, async (transaction) => {
      await transaction.query('UPDATE account SET amount = amount + 1');
    });
    await expect(given).rejects.toThrow('Query read timeout');
    await locker.query('COMMIT'); // now the server could finish the update

    // The next transaction on the same pool must not find itself in the old one.
    await waitFor('the old connection to be gone', async () => {
      const [row]: { count: string }[] = await database.dataSource.query(
        `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'UPDATE account%' AND state <> 'idle'`,
      );
      return row!.count === '0';
    });
    await inTransaction(impatient, (transaction) => transaction.query('SELECT 1'));
    expect(await amount()).toBe(0);
  });

  it('rolls back for a refusal and keeps the connection', async () => {
    const pid = async (): Promise<number> => {
      const [row]: { pid: number }[] = await impatient.query('SELECT pg_backend_pid() AS pid');
      return row!.pid;
    };
    const before = await pid();
    const refused = inTransaction(
      impatient,
      async (transaction) => {
        await transaction.query('UPDATE account SET amount = 5');
        throw new RangeError('refused');
      },
      (error) => error instanceof RangeError,
    );
    await expect(refused).rejects.toThrow('refused');
    expect([await amount(), await pid()]).toEqual([0, before]);
  });
});
