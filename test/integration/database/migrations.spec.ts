import { DataSource } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import { AnomaliesQueries } from '../../../src/anomalies/anomalies.queries.js';
import { AnomalySearch } from '../../../src/anomalies/anomaly-search.js';
import { migrations } from '../../../src/database/data-source.js';
import { migrate } from '../../../src/database/data-source.js';
import { addAnomaly, GOOD_EVENT } from '../../support/anomalies.js';
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
      expect.arrayContaining([
        'anomalies',
        'batch_control',
        'batch_runs',
        'daily_stats',
        'event_log',
        'expired_totals',
        'ingest_partitions',
        'real_time_metrics',
        'stat_days',
      ]),
    );
    let left = migrations.length;
    while (left-- > 0) await database.dataSource.undoLastMigration();
    expect(await tables()).toEqual(['schema_migrations']);
    await migrate(database.dataSource);
    expect(await tables()).toEqual(up);
  });

  /** Undoes the newest migrations, the named one last. */
  const undo = async (name: string): Promise<void> => {
    const index = migrations.findIndex((migration) => migration.name.startsWith(name));
    expect(index).toBeGreaterThanOrEqual(0);
    for (let left = migrations.length; left > index; left--) await database.dataSource.undoLastMigration();
  };

  it('take the months of daily stats away with their table', async () => {
    const up = await tables();
    await database.dataSource.query(
      `CREATE TABLE daily_stats_2025_11 PARTITION OF daily_stats FOR VALUES FROM ('2025-11-01') TO ('2025-12-01')`,
    );
    await undo('DailyStats');
    expect(await tables()).not.toContain('daily_stats_2025_11');
    await migrate(database.dataSource);
    expect(await tables()).toEqual(up);
  });

  it('note the days of windows and anomalies that were there before there were daily stats', async () => {
    await undo('DailyStats');
    await database.dataSource.query(
      `INSERT INTO real_time_metrics (metric_type, metric_key, window_start, window_end, metric_value, event_count)
       SELECT 'region_agg', 'Almaty', start, start + interval '10 min', 1, 1
         FROM unnest(ARRAY['2024-02-29T23:50Z', '2025-11-08T00:00Z', '2025-11-08T23:50Z']::timestamptz[]) AS start`,
    );
    await database.dataSource.query(
      `INSERT INTO anomalies (reason, detail, topic, partition, incarnation, "offset", event_time, record_timestamp, created_at)
       VALUES ('too_late', '', 'telecom_events', 0, 1, 0, '2025-10-31T23:59:59Z', '2025-11-09T00:00:00Z', '2025-11-09T00:00:01Z'),
              ('malformed_json', '', 'telecom_events', 0, 1, 1, NULL, NULL, '2025-11-10T00:00:00Z'),
              ('future_timestamp', '', 'telecom_events', 0, 1, 2, '2999-01-01T00:00:00Z', '2025-11-08T12:00:00Z', '2025-11-08T12:00:01Z')`,
    );
    await migrate(database.dataSource);
    const days: unknown[] = await database.dataSource.query(
      `SELECT stat_date::text AS day, version, built_version FROM stat_days ORDER BY stat_date`,
    );
    expect(days).toEqual(
      ['2024-02-29', '2025-10-31', '2025-11-08', '2025-11-10'].map((day) => ({
        day,
        version: '1',
        built_version: null,
      })),
    );
  });

  it('do without pg_trgm where it must not be added; searches go on without an index', async () => {
    const bare = await createTestDatabase({ migrated: false });
    const role = `plain_${new URL(bare.url).pathname.slice(1)}`;
    const admin = new DataSource(bare.dataSource.options);
    await admin.initialize();
    const url = Object.assign(new URL(bare.url), { username: role, password: 'plain' }).toString();
    const plain = new DataSource({ ...(bare.dataSource.options as PostgresDataSourceOptions), url });
    try {
      await admin.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'plain'; GRANT CREATE ON SCHEMA public TO ${role}`,
      );
      await plain.initialize();
      await migrate(plain);
      await addAnomaly(plain, GOOD_EVENT);
      await addAnomaly(plain, { ...GOOD_EVENT, region: 'Taraz' });
      const anomalies = new AnomaliesQueries(plain, new AnomalySearch(plain));
      const { items, nextCursor } = await anomalies.list({ q: 'taraz', limit: 10 });
      expect([items.length, nextCursor]).toEqual([1, null]);
      expect(await plain.query(`SELECT to_regclass('anomaly_texts') AS texts`)).toEqual([{ texts: null }]);
      for (let left = migrations.length; left > 0; left--) await plain.undoLastMigration();
    } finally {
      if (plain.isInitialized) await plain.destroy();
      await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await admin.destroy();
      await bare.drop();
    }
  });

  it('give texts to the anomalies that were there before', async () => {
    await undo('AnomalySearch');
    for (let index = 0; index < 20; index++) await addAnomaly(database.dataSource, { ...GOOD_EVENT, index });
    await migrate(database.dataSource);
    const texts: unknown[] = await database.dataSource.query(
      `SELECT cardinality(ids) AS anomalies, text LIKE '%"index":17%' AS has_17 FROM anomaly_texts ORDER BY first_id`,
    );
    expect(texts).toEqual([
      { anomalies: 16, has_17: false },
      { anomalies: 4, has_17: true },
    ]);
  });

  it('let checkpoints know their logs, from the next claim on', async () => {
    await database.dataSource.query(
      `INSERT INTO ingest_partitions (topic, partition, next_offset, log_id) VALUES ('telecom_events', 3, 7, 'a log')`,
    );
    await undo('LogIds');
    const columns: unknown[] = await database.dataSource.query(
      `SELECT FROM information_schema.columns WHERE table_name = 'ingest_partitions' AND column_name = 'log_id'`,
    );
    expect(columns).toEqual([]);
    await migrate(database.dataSource);
    expect(
      await database.dataSource.query(`SELECT partition, next_offset, log_id FROM ingest_partitions`),
    ).toEqual([{ partition: 3, next_offset: '7', log_id: null }]);
  });

  it('run once when five processes start at the same time', async () => {
    const empty = await createTestDatabase({ migrated: false });
    try {
      const others = await Promise.all(
        Array.from({ length: 5 }, async () => {
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
