import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { migrate } from './data-source.js';

const RETRY_MS = 2_000;

/**
 * Connects and migrates in the background, so that the process is up, and says that it is not ready, while
 * PostgreSQL is away.
 */
@Injectable()
export class DatabaseService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(DatabaseService.name);
  private readonly stopping = new AbortController();
  private connecting: Promise<void> | undefined;
  private announceReady!: () => void;
  private readonly ready = new Promise<void>((resolve) => (this.announceReady = resolve));

  constructor(@InjectDataSource() private readonly database: DataSource) {}

  onApplicationBootstrap(): void {
    this.connecting = this.connect();
  }

  /** Resolves once the schema is there; never when the process stops before that. */
  whenReady(): Promise<void> {
    return this.ready;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.connecting;
    if (this.database.isInitialized) await this.database.destroy();
  }

  private async connect(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        if (!this.database.isInitialized) await this.database.initialize();
        await migrate(this.database);
        this.announceReady();
        return;
      } catch (error) {
        this.logger.warn(
          `PostgreSQL is not there yet, trying again in ${RETRY_MS / 1000} s: ${(error as Error).message}`,
        );
        await delay(RETRY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }
}
