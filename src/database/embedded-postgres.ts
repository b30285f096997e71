import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { StartupError } from '../config/startup-error.js';
import { Cluster, type EmbeddedPostgresOptions } from './postgres-cluster.js';

const DATABASE = 'telecom';

/**
 * A PostgreSQL of this process's own, on a free loopback port, with its data in a folder.
 * It outlives neither a stop nor a kill -9 of this process; the next start on the same folder goes on with its data.
 */
export class EmbeddedPostgres {
  private constructor(
    /** `postgresql://` URL of the database, password included. */
    readonly url: string,
    private readonly lock: pg.Client,
    private readonly stopServer: () => Promise<void>,
  ) {}

  /** @throws StartupError when a service has the folder already, the folder is not writable, or the server does not come up */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const cluster = await Cluster.open(options);
    const { client, port, holder } = await cluster.takeFolder();
    if (holder === 'service') {
      if (options.role === 'command')
        return new EmbeddedPostgres(cluster.url(port, DATABASE), client, () => Promise.resolve());
      await client.end();
      throw new StartupError(
        `The data folder ${cluster.folder} is in use by another running service: stop that one, or set DATA_DIR to another folder`,
      );
    }
    const exists = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (exists.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    const watchdog = cluster.stopWithThisProcess();
    const url = cluster.url(port, DATABASE);
    writeFileSync(join(cluster.folder, 'postgres.url'), `${url}\n`, { mode: 0o600 });
    return new EmbeddedPostgres(url, client, async () => {
      await cluster.stop();
      watchdog?.stdin?.end();
    });
  }

  async stop(): Promise<void> {
    // The folder stays locked until its server is gone: whoever waits for it starts one anew.
    await this.stopServer();
    await this.lock.end().catch(() => undefined);
  }
}
