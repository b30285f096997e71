import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

/** As a database administrator may have set them, for reasons of their own. */
const ODD = {
  timezone: 'Asia/Almaty',
  datestyle: 'German, DMY',
  default_transaction_isolation: 'serializable',
  statement_timeout: '1s',
  idle_in_transaction_session_timeout: '1s',
};

describe('a session of the service', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase({ migrated: false });
  });
  afterEach(() => database.drop());

  /** What a session has, by name. */
  const settings = async (query: (sql: string) => Promise<unknown[]>): Promise<Record<string, string>> => {
    const found: [string, string][] = [];
    for (const name of Object.keys(ODD)) {
      const [row] = (await query(`SELECT current_setting('${name}') AS value`)) as { value: string }[];
      found.push([name, row!.value]);
    }
    return Object.fromEntries(found);
  };

  it.each([
    ['database', (name: string) => `ALTER DATABASE ${name}`],
    ['role', (name: string) => `ALTER ROLE CURRENT_USER IN DATABASE ${name}`],
  ])('has the settings that the code relies on, whatever those of its %s are', async (_, alter) => {
    const name = new URL(database.url).pathname.slice(1);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    for (const [setting, value] of Object.entries(ODD))
      await other.query(`${alter(name)} SET ${setting} = ${pg.escapeLiteral(value)}`);
    await other.end();

    const plain = new pg.Client({ connectionString: database.url });
    await plain.connect();
    expect(await settings(async (sql) => (await plain.query<{ value: string }>(sql)).rows)).toEqual(ODD);
    await plain.end();

    await database.dataSource.initialize();
    expect(await settings((sql) => database.dataSource.query(sql))).toEqual({
      timezone: 'UTC',
      datestyle: expect.stringMatching(/^ISO,/) as string,
      default_transaction_isolation: 'read committed',
      statement_timeout: '50s',
      idle_in_transaction_session_timeout: '1min',
    });
  });
});
