import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, QueryRunner } from 'typeorm';

/** Session-level advisory lock of the process that reads the embedded log. */
const READER_LOCK = 7_401_003;

/** Makes one process at a time the reader of the embedded log; held by a connection of its own, it dies with it. */
@Injectable()
export class ReaderLock {
  private connection: QueryRunner | null = null;

  constructor(@InjectDataSource() private readonly database: DataSource) {}

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
      const [row] = (await connection.query(`SELECT pg_try_advisory_lock(${READER_LOCK}) AS locked`)) as {
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
    await connection.query(`SELECT pg_advisory_unlock(${READER_LOCK})`).catch(() => undefined);
    await connection.release().catch(() => undefined);
  }
}
