import { setImmediate as nextTurn } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { EventSource } from '../transport/event-source.js';
import type { BatchContext, BatchDirective, RecordBatch } from '../transport/record-batch.js';
import { intakeRules, type IntakeRules } from './core/intake.js';
import { Flusher } from './flusher.js';
import { waitAlive } from './wait-alive.js';
import type { OwnedPartition } from './owned-partition.js';
import { PartitionOwnership, type Holding } from './partition-ownership.js';

/** Records taken in before the event loop gets a turn: about 5 ms. */
const SLICE = 2_000;

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
    private readonly source: EventSource,
    @Inject(CONFIG) config: Config,
  ) {
    this.rules = intakeRules(config);
  }

  /** Never rejects for bad data or for a database that is away: it waits, and keeps the group membership alive. */
  async take(batch: RecordBatch, context: BatchContext): Promise<BatchDirective> {
    const holding = await this.holding(batch.partition, context);
    if (holding.kind !== 'owned') return holding;
    const partition = holding.owned;

    if (batch.fetchedOffset !== partition.position) {
      const directive = await this.reposition(partition, batch);
      if (directive) return directive;
    }
    partition.soughtTo = null;

    const { records } = batch;
    for (let at = 0; at < records.length;) {
      const room = this.flusher.room();
      if (room === 0) {
        if (!(await waitAlive(this.flusher.flush(), context))) return ABANDON;
      } else {
        const end = Math.min(records.length, at + room, at + SLICE);
        partition.take(records, at, end, this.rules, Date.now());
        this.flusher.took(end - at);
        at = end;
        if (at < records.length) await nextTurn();
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
          if (!(await waitAlive(holding.settled, context))) return ABANDON;
          break;
        case 'fenced':
          // The log still gives us the partition. If it does so after a sign of life, the other one is the stale one.
          if (!(await context.heartbeat())) return ABANDON;
          if (this.ownership.holding(partition) === holding) this.ownership.reclaim([partition]);
      }
    }
  }

  /** The batch does not begin at the position. @returns what to do about it, or null to take it in after all */
  private async reposition(partition: OwnedPartition, batch: RecordBatch): Promise<BatchDirective | null> {
    const { position } = partition;
    try {
      const bounds = (await this.source.bounds()).get(partition.partition);
      if (bounds && (await this.ownership.haltIfOutside(partition, position, bounds)))
        return this.ownership.holding(partition.partition)?.kind === 'halted' ? PAUSE : ABANDON;
    } catch {
      return { kind: 'seek', offset: position }; // the log or the database cannot be asked now; the next batch asks again
    }
    if (!this.ownership.holds(partition)) return ABANDON;
    // Asked for this very position, and within its bounds, the log answered with what comes after it: the offsets
    // between hold no event (aborted transactions, compaction).
    if (partition.soughtTo === position && batch.fetchedOffset > position) {
      partition.skipTo(batch.fetchedOffset);
      return null;
    }
    partition.soughtTo = position;
    return { kind: 'seek', offset: position };
  }
}
