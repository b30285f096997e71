import type { DataSource, QueryRunner } from 'typeorm';

/** An advisory lock that one process has for long; held by a connection of its own, it dies with it. */
export class SessionLock {
  private connection: QueryRunner | null = null;

  /** @param key number of the lock, the same in all processes */
  constructor(
    private readonly database: DataSource,
    private readonly key: number,
  ) {}

  isHeld(): boolean {
    return this.connection !== null;
  }

  /** @returns false when another process holds it */
  async acquire(): Promise<boolean> {
    const connection = this.database.createQueryRunner();
    try {
      const client = (await connection.connect()) as NodeJS.EventEmitter;
      const lose = (): void => {
        if (this.connection === connection) this.connection = null;
      };
      client.once('error', lose);
      client.once('end', lose);
      const [row] = (await connection.query(`SELECT pg_try_advisory_lock(${this.key}) AS locked`)) as {
        locked: boolean;
      }[];
      if (row?.locked) {
        this.connection = connection;
        return true;
      }
    } catch (error) {
      await connection.release().catch(() => undefined);
      throw error;
    }
    await connection.release();
    return false;
  }

  async release(): Promise<void> {
    const connection = this.connection;
    this.connection = null;
    if (!connection) return;
    await connection.query(`SELECT pg_advisory_unlock(${this.key})`).catch(() => undefined);
    await connection.release().catch(() => undefined);
  }
}
