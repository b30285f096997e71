import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import type { IntakeRules } from '../../ingestion/core/intake.js';
import type { RecentIds } from '../../ingestion/core/recent-ids.js';
import type { LogReading } from '../../transport/log-reader.js';
import type { RecordBatch } from '../../transport/record-batch.js';
import type { ReadPartition } from '../core/log-plan.js';
import type { RebuildRange } from '../core/rebuild-range.js';
import { RebuiltPartition } from '../core/rebuilt-partition.js';
import type { Survey } from './log-survey.js';
import type { RebuildInputsRepository } from './rebuild-inputs.repository.js';
import type { RebuildRepository } from './rebuild.repository.js';

/** Records judged before the event loop gets a turn. */
const SLICE = 1_000;

/** Records, and bytes of rejected ones, after which memory goes to the temporary tables. */
const STAGE_RECORDS = 100_000;
const STAGE_BYTES = 16 * 1024 * 1024;

/**
 * What may be left for the moments in which ingestion waits: so many records, when the round before took no longer than this,
 * for they may be large. After so many rounds it has to do.
 */
const CLOSE_ENOUGH = 20_000;
const CLOSE_ENOUGH_MS = 500;
const MAX_ROUNDS = 20;

/** Partitions were added or acknowledged meanwhile: what was read is not what has to be read. */
export class PartitionsChangedError extends Error {
  constructor() {
    super('the partitions have changed while their log was read');
    this.name = 'PartitionsChangedError';
  }
}

/** Takes the log in again, all of its partitions, into the temporary tables of one connection. */
export class LogRebuild {
  /** Records read. */
  read = 0;
  private readonly partitions: ReadonlyMap<number, { read: ReadPartition; rebuilt: RebuiltPartition }>;
  private positions: ReadonlyMap<number, bigint>;
  private unstaged = 0;

  constructor(
    private readonly connection: EntityManager,
    private readonly repositories: { inputs: RebuildInputsRepository; rebuild: RebuildRepository },
    private readonly reading: LogReading,
    survey: Survey,
    private readonly options: {
      readonly topic: string;
      readonly range: RebuildRange;
      readonly rules: IntakeRules;
      readonly recentIds: () => RecentIds | null;
    },
  ) {
    this.positions = new Map([...survey.starts].map(([partition, { offset }]) => [partition, offset]));
    this.partitions = new Map(
      survey.partitions.map((read) => [
        read.partition,
        { read, rebuilt: new RebuiltPartition(read, options.range, options.recentIds()) },
      ]),
    );
  }

  /** Reads on while ingestion does, until it has it nearly caught up. @param progress called now and then */
  async catchUp(progress: (total: number) => Promise<void>, signal: AbortSignal): Promise<void> {
    let roundMs = Infinity;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const ends = this.endsOf(
        await this.repositories.inputs.partitions(this.connection, this.options.topic),
      );
      const left = this.distanceTo(ends);
      if (left === 0 || (left <= CLOSE_ENOUGH && roundMs <= CLOSE_ENOUGH_MS)) return;
      const begun = performance.now();
      const total = this.read + left;
      await progress(total);
      await this.readTo(ends, signal, () => progress(total));
      roundMs = performance.now() - begun;
    }
  }

  /** Reads the rest, up to the checkpoints of these partitions. @throws PartitionsChangedError */
  async finish(partitions: readonly ReadPartition[], signal: AbortSignal): Promise<void> {
    await this.readTo(this.endsOf(partitions), signal);
    await this.stage();
  }

  /** Records of the range that are rejected, by reason. */
  rejected(): Record<string, number> {
    const byReason: Record<string, number> = {};
    for (const { rebuilt } of this.partitions.values())
      for (const [reason, count] of rebuilt.rejected) byReason[reason] = (byReason[reason] ?? 0) + count;
    return byReason;
  }

  close(): Promise<void> {
    return this.reading.close();
  }

  private async readTo(
    ends: ReadonlyMap<number, bigint>,
    signal: AbortSignal,
    progress?: () => Promise<void>,
  ): Promise<void> {
    const take = async (batch: RecordBatch): Promise<void> => {
      await this.take(batch);
      await progress?.();
    };
    await this.reading.readTo(ends, take, signal);
    this.positions = ends;
  }

  private async take({ partition, fetchedOffset, nextOffset, records }: RecordBatch): Promise<void> {
    const known = this.partitions.get(partition);
    if (!known) throw new PartitionsChangedError();
    const stored = await this.repositories.inputs.storedAnomalies(
      this.connection,
      known.read,
      fetchedOffset,
      nextOffset,
    );
    for (let taken = SLICE; taken === SLICE;) {
      taken = known.rebuilt.take(records, SLICE, stored, this.options.rules, Date.now());
      this.read += taken;
      this.unstaged += taken;
      if (known.rebuilt.heldBytes >= STAGE_BYTES) await this.stage();
      else await nextTurn();
    }
    if (this.unstaged >= STAGE_RECORDS) await this.stage();
  }

  /** Brings all that memory holds to the tables. */
  private async stage(): Promise<void> {
    for (const { rebuilt } of this.partitions.values())
      await this.repositories.rebuild.add(this.connection, rebuilt.drain());
    this.unstaged = 0;
  }

  private endsOf(partitions: readonly ReadPartition[]): Map<number, bigint> {
    for (const { partition, incarnation, firstOffset } of partitions) {
      const known = this.partitions.get(partition)?.read;
      if (known?.incarnation !== incarnation || known.firstOffset !== firstOffset)
        throw new PartitionsChangedError();
    }
    return new Map(partitions.map(({ partition, nextOffset }) => [partition, nextOffset]));
  }

  private distanceTo(ends: ReadonlyMap<number, bigint>): number {
    let distance = 0;
    for (const [partition, end] of ends)
      distance += Math.max(0, Number(end - (this.positions.get(partition) ?? end)));
    return distance;
  }
}
