import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DatabaseService } from '../database/database.service.js';

/** Between two looks for new anomalies, and after a failure. */
const LOOK_MS = 1_000;

/** A turn is followed by a rest of so many times its length: what comes after the flushes must not slow them down. */
const REST = 3;

/** Makes new anomalies searchable by the trigram index, some 500 at a time, in every replica; until then searches read them. */
@Injectable()
export class AnomalyTexts implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('AnomalyTexts');
  private readonly stopping = new AbortController();
  private working: Promise<void> = Promise.resolve();
  private failing = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly database: DatabaseService,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => {
      this.working = this.work();
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.working;
  }

  private async work(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const startedAt = performance.now();
      const worked = await this.next();
      const restMs = worked ? REST * (performance.now() - startedAt) : LOOK_MS;
      await delay(restMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async next(): Promise<boolean> {
    try {
      const worked = await takeNextTexts(this.dataSource);
      this.failing = false;
      return worked;
    } catch (error) {
      if (!this.failing)
        this.logger.warn(`New anomalies cannot be made searchable now: ${(error as Error).message}`);
      this.failing = true;
      return false;
    }
  }
}

/** @returns false when there are no anomalies to do, or no index (without pg_trgm) */
export async function takeNextTexts(database: Pick<DataSource, 'query'>): Promise<boolean> {
  const [row]: { worked: boolean }[] = await database.query(`SELECT anomaly_texts_next() AS worked`);
  return row?.worked ?? false;
}
