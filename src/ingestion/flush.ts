import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { MetricsRepository } from '../aggregation/metrics.repository.js';
import { StatDaysRepository } from '../aggregation/stat-days.repository.js';
import { WindowDeltas } from '../aggregation/core/window-deltas.js';
import { AnomaliesRepository } from '../anomalies/anomalies.repository.js';
import { dateLiteral } from '../database/instant.js';
import { inTransaction } from '../database/transaction.js';
import { CheckpointRepository, type Checkpoint } from './checkpoint.repository.js';

/** Another replica holds some of the partitions; nothing was stored. */
export class FencedError extends Error {
  constructor(readonly partitions: readonly number[]) {
    super(`Another replica holds partition ${partitions.join(', ')}`);
    this.name = 'FencedError';
  }
}

/** The exactly-once step: offsets, windows, anomalies and the days they change, in one short transaction. */
@Injectable()
export class Flush {
  private lastMs = 0;

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly checkpoints: CheckpointRepository,
    private readonly metrics: MetricsRepository,
    private readonly anomalies: AnomaliesRepository,
    private readonly days: StatDaysRepository,
  ) {}

  /** @throws FencedError when the compare-and-set of a checkpoint fails; the transaction is rolled back whole */
  async store(checkpoints: readonly Checkpoint[]): Promise<void> {
    const startedAt = performance.now();
    const windows = new WindowDeltas();
    for (const { delta } of checkpoints) windows.merge(delta.windows);

    const storeAll = async (transaction: EntityManager): Promise<void> => {
      const moved = await this.checkpoints.advance(transaction, checkpoints, this.lastMs);
      const fenced = checkpoints
        .map(({ partition }) => partition)
        .filter((partition) => !moved.includes(partition));
      if (fenced.length > 0) throw new FencedError(fenced);
      await this.metrics.add(transaction, windows);
      const anomalyDays = await this.anomalies.insert(
        transaction,
        checkpoints.flatMap(({ delta }) => delta.anomalies),
      );
      await this.days.changed(transaction, [...[...windows.days()].map(dateLiteral), ...anomalyDays]);
    };
    await inTransaction(this.database, storeAll, (error) => error instanceof FencedError);
    this.lastMs = performance.now() - startedAt;
  }
}
