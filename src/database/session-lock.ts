import type { DataSource, QueryRunner } from 'typeorm';

interface Held {
  readonly connection: QueryRunner;
  /** Takes the listeners off: the pool gives the connection to others. */
  readonly forget: () => void;
}

/** An advisory lock that one process has for long; held by a connection of its own, it dies with it. */
export class SessionLock {
  private held: Held | null = null;

  /** @param key number of the lock, the same in all processes */
  constructor(
    private readonly database: DataSource,
    private readonly key: number,
  ) {}

  isHeld(): boolean {
    return this.held !== null;
  }

  /** @returns false when another process holds it */
  async acquire(): Promise<boolean> {
    const connection = this.database.createQueryRunner();
    let forget = (): void => undefined;
    try {
      const client = (await connection.connect()) as NodeJS.EventEmitter;
      const lost = new AbortController();
      const lose = (): void => {
        lost.abort();
        if (this.held?.connection === connection) this.held = null;
      };
      client.once('error', lose);
      client.once('end', lose);
      forget = () => {
        client.off('error', lose);
        client.off('end', lose);
      };
      const [row] = (await connection.query(`SELECT pg_try_advisory_lock(${this.key}) AS locked`)) as {
        locked: boolean;
      }[];
      if (row?.locked && !lost.signal.aborted) {
        this.held = { connection, forget };
        return true;
      }
    } catch (error) {
      forget();
      await connection.release().catch(() => undefined);
      throw error;
    }
    forget();
    await connection.release();
    return false;
  }

  async release(): Promise<void> {
    const { held } = this;
    this.held = null;
    if (!held) return;
    await held.connection.query(`SELECT pg_advisory_unlock(${this.key})`).catch(() => undefined);
    held.forget();
    await held.connection.release().catch(() => undefined);
  }
}
