import { migrations } from '../../../src/database/data-source.js';
import { migrate } from '../../../src/database/data-source.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

describe('migrations', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  const tables = async (): Promise<string[]> => {
    const rows: { name: string }[] = await database.dataSource.query(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
    );
    return rows.map((row) => row.name);
  };

  it('go up, all the way down to an empty database, and up again', async () => {
    const up = await tables();
    expect(up).toEqual(
      expect.arrayContaining(['real_time_metrics', 'anomalies', 'ingest_partitions', 'event_log']),
    );
    let left = migrations.length;
    while (left-- > 0) await database.dataSource.undoLastMigration();
    expect(await tables()).toEqual(['schema_migrations']);
    await migrate(database.dataSource);
    expect(await tables()).toEqual(up);
  });

  it('run once when five processes start at the same time', async () => {
    const empty = await createTestDatabase({ migrated: false });
    try {
      const others = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const { DataSource } = await import('typeorm');
          return new DataSource(empty.dataSource.options).initialize();
        }),
      );
      await Promise.all(others.map((source) => migrate(source)));
      const applied: unknown[] = await others[0]!.query('SELECT * FROM schema_migrations');
      expect(applied).toHaveLength(migrations.length);
      await Promise.all(others.map((source) => source.destroy()));
    } finally {
      await empty.drop();
    }
  });
});
