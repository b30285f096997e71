import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { EventSource } from '../transport/event-source.js';
import { withTimeout } from '../database/with-timeout.js';

/** A probe has to answer, also when the database does not. */
const PING_TIMEOUT_MS = 2_000;

export interface Check {
  readonly status: 'up' | 'down';
  /** Why it is down, for people to read. */
  readonly detail?: string;
}

export interface Checks {
  readonly database: Check;
  readonly transport: Check;
}

/** Whether the parts that the service stands on are there. */
@Injectable()
export class HealthService {
  private readonly logger = new Logger(HealthService.name);
  private ping: Promise<unknown> | undefined;

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly source: EventSource,
  ) {}

  async checks(): Promise<Checks> {
    const database = await this.checkDatabase();
    const { connected, detail } = this.source.health();
    return {
      database,
      transport: connected ? { status: 'up' } : { status: 'down', detail: detail ?? 'not connected' },
    };
  }

  private async checkDatabase(): Promise<Check> {
    if (!this.database.isInitialized) return { status: 'down', detail: 'not connected yet' };
    // One ping at a time: pings that hang must not use up the pool that everybody else needs.
    this.ping ??= this.database.query('SELECT 1').finally(() => (this.ping = undefined));
    try {
      await withTimeout(this.ping, PING_TIMEOUT_MS);
      return { status: 'up' };
    } catch (error) {
      // The driver's message may name hosts and users, and this answer is open to all.
      this.logger.debug(`The database does not answer: ${(error as Error).message}`);
      return { status: 'down', detail: 'does not answer' };
    }
  }
}
