import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction } from '../database/transaction.js';
import { ProblemError } from '../http/problem.js';
import { AnomalyStatesRepository, type AnomalyAct, type LockedAnomaly } from './anomaly-states.repository.js';
import { ReplayChunk } from './replay-chunk.js';

/** What an operator does with one anomaly. Whoever comes second finds what the first has done. */
@Injectable()
export class AnomalyActions {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly states: AnomalyStatesRepository,
    private readonly chunk: ReplayChunk,
  ) {}

  /**
   * Counts an anomaly if today's rules accept it, in its own form or in a corrected one.
   * @throws ProblemError not_found, anomaly_replayed, anomaly_discarded
   */
  async replay(id: string, correction: Buffer | null, actor: string): Promise<AnomalyAct> {
    return this.withNew(id, async (transaction, anomaly) => {
      const [act] = await this.chunk.apply(transaction, [{ anomaly, correction }], actor);
      if (!act) throw new Error('A chunk of one has no outcome');
      return act;
    });
  }

  /** @throws ProblemError not_found, anomaly_replayed, anomaly_discarded */
  async discard(id: string, note: string | null, actor: string): Promise<void> {
    await this.withNew(id, (transaction, anomaly) =>
      this.states.record(transaction, actor, [
        {
          anomaly,
          action: 'discard',
          outcome: 'discarded',
          detail: note,
          status: 'discarded',
          applied: null,
        },
      ]),
    );
  }

  private withNew<T>(
    id: string,
    work: (transaction: EntityManager, anomaly: LockedAnomaly) => Promise<T>,
  ): Promise<T> {
    return inTransaction(
      this.database,
      async (transaction) => {
        const [anomaly] = await this.states.lock(transaction, [id]);
        if (!anomaly) throw new ProblemError('not_found', `There is no anomaly ${id}.`);
        if (anomaly.status === 'replayed')
          throw new ProblemError('anomaly_replayed', `Anomaly ${id} was replayed: it is counted already.`);
        if (anomaly.status === 'discarded')
          throw new ProblemError('anomaly_discarded', `Anomaly ${id} was discarded.`);
        return work(transaction, anomaly);
      },
      (error) => error instanceof ProblemError,
    );
  }
}
