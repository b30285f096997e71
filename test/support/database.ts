import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { parseConfig } from '../../src/config/config.js';
import { dataSourceOptions } from '../../src/database/data-source.js';

/** A database of its own in the run's PostgreSQL. */
export interface TestDatabase {
  readonly url: string;
  readonly dataSource: DataSource;
  drop(): Promise<void>;
}

/** Makes an empty database; with `migrated: false` it has no tables yet and the data source is not connected. */
export async function createTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const { TEST_DATABASE_URL: server, TEST_DATABASE_TEMPLATE: template } = process.env;
  if (!server || !template)
    throw new Error('TEST_DATABASE_URL is not set: run through jest, whose global setup starts PostgreSQL');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(server, `CREATE DATABASE ${name}${migrated ? ` TEMPLATE ${template}` : ''}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).toString();
  const dataSource = new DataSource(dataSourceOptions(parseConfig({}), url));
  if (migrated) await dataSource.initialize();
  return {
    url,
    dataSource,
    async drop() {
      if (dataSource.isInitialized) await dataSource.destroy();
      await administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
