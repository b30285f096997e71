import { setImmediate as nextTurn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import type { BatchContext, BatchDirective, RecordBatch } from '../transport/record-batch.js';
import { intakeRules, type IntakeRules } from './core/intake.js';
import { Flusher } from './flusher.js';
import type { OwnedPartition } from './owned-partition.js';
import { PartitionOwnership, type Holding } from './partition-ownership.js';
import { waitWhile } from './wait-while.js';

/** Records taken in before the event loop gets a turn: less than a millisecond, and an answer of the API takes several turns. */
const SLICE = 500;

const CONTINUE: BatchDirective = { kind: 'continue' };
const PAUSE: BatchDirective = { kind: 'pause' };
const ABANDON: BatchDirective = { kind: 'abandon' };

/** The way of a batch: claim → position → take in, slice by slice → flush when memory is full. */
@Injectable()
export class IngestionPipeline {
  private readonly rules: IntakeRules;
  private stopping = false;

  constructor(
    private readonly ownership: PartitionOwnership,
    private readonly flusher: Flusher,
    @Inject(CONFIG) config: Config,
  ) {
    this.rules = intakeRules(config);
  }

  /** Never rejects for bad data or for a database that is away: it waits. */
  async take(batch: RecordBatch, context: BatchContext): Promise<BatchDirective> {
    const holding = await this.holding(batch.partition, context);
    if (holding.kind !== 'owned') return holding;
    const partition = holding.owned;
    // Fetched for an earlier claim, whose log may be another one.
    if (!context.isCurrent()) return ABANDON;
    if (batch.fetchedOffset !== partition.position) return { kind: 'seek', offset: partition.position };
    for (;;) {
      const most = Math.min(this.flusher.room(), SLICE);
      if (most === 0) {
        if (!(await waitWhile(() => this.isWanted(context), this.flusher.flush()))) return ABANDON;
      } else {
        const taken = this.takeSlice(partition, batch, most);
        this.flusher.took(taken);
        if (taken < most) break;
        await nextTurn();
      }
      if (this.stopping || !this.ownership.holds(partition)) return ABANDON;
    }
    partition.skipTo(batch.nextOffset);
    return CONTINUE;
  }

  /** No batch is taken in from now on; one that is being worked on is given up after its slice. */
  stop(): void {
    this.stopping = true;
  }

  private isWanted(context: BatchContext): boolean {
    return !this.stopping && context.isCurrent();
  }

  private takeSlice(partition: OwnedPartition, { records }: RecordBatch, most: number): number {
    try {
      return partition.take(records, most, this.rules, Date.now());
    } catch (error) {
      this.ownership.reclaim([partition.partition]);
      throw error;
    }
  }

  private async holding(
    partition: number,
    context: BatchContext,
  ): Promise<Extract<Holding, { kind: 'owned' }> | BatchDirective> {
    for (;;) {
      if (this.stopping) return PAUSE;
      const holding = this.ownership.holding(partition);
      switch (holding?.kind) {
        case undefined:
          return ABANDON;
        case 'halted':
          return PAUSE;
        case 'owned':
          return holding;
        case 'claiming':
          if (!(await waitWhile(() => this.isWanted(context), holding.settled))) return ABANDON;
          break;
        case 'fenced':
          // The log still gives us the partition. If it does so after a sign of life, the other one is the stale one.
          if (!(await context.signOfLife())) return ABANDON;
          if (this.ownership.holding(partition) === holding) this.ownership.reclaim([partition]);
      }
    }
  }
}
