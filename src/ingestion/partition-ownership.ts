import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { DatabaseService } from '../database/database.service.js';
import { EventSource, type AssignmentListener, type LogBounds } from '../transport/event-source.js';
import type { LogPosition } from '../transport/log-position.js';
import { CheckpointRepository, type Claim, type HaltReason } from './checkpoint.repository.js';
import type { TakeIn } from './core/intake.js';
import { RecentIds } from './core/recent-ids.js';
import { OwnedPartition } from './owned-partition.js';

/** How this replica stands with a partition that the log has assigned to it. */
export type Holding =
  | { readonly kind: 'claiming'; readonly settled: Promise<void> }
  | { readonly kind: 'owned'; readonly owned: OwnedPartition }
  /** Out of service until an operator acknowledges what happened to its log. */
  | { readonly kind: 'halted'; readonly epoch: string }
  /** Another replica has claimed it. */
  | { readonly kind: 'fenced'; readonly since: number };

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;

/** Nest injection token of the way in which records are taken in: {@link TakeIn}. */
export const TAKE_IN = Symbol('TakeIn');

/** Which partitions this replica may take in, by claims in the database; the stored offset is the one truth. */
@Injectable()
export class PartitionOwnership implements AssignmentListener {
  /** Names this replica in the checkpoints. */
  readonly owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  private readonly logger = new Logger('Ownership');
  private holdings = new Map<number, Holding>();
  /** Counts assignments, so that what was begun under an older one comes to nothing. */
  private generation = 0;

  constructor(
    private readonly source: EventSource,
    private readonly checkpoints: CheckpointRepository,
    private readonly database: DatabaseService,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(TAKE_IN) private readonly takeIn: TakeIn,
  ) {}

  /** Drops all that is held, at once: the log may have given it to another replica already. */
  assigned(partitions: readonly number[]): void {
    this.generation++;
    this.holdings = new Map();
    this.claim(partitions);
  }

  /** Undefined for a partition that is not assigned. */
  holding(partition: number): Holding | undefined {
    return this.holdings.get(partition);
  }

  owned(): OwnedPartition[] {
    return [...this.holdings.values()].flatMap((holding) =>
      holding.kind === 'owned' ? [holding.owned] : [],
    );
  }

  halted(): { partition: number; epoch: string }[] {
    return [...this.holdings].flatMap(([partition, holding]) =>
      holding.kind === 'halted' ? [{ partition, epoch: holding.epoch }] : [],
    );
  }

  /** Partitions that another replica claimed before this instant (epoch milliseconds). */
  fencedBefore(instant: number): number[] {
    return [...this.holdings].flatMap(([partition, holding]) =>
      holding.kind === 'fenced' && holding.since < instant ? [partition] : [],
    );
  }

  /**
   * Throws away what memory holds of these partitions and claims them anew; the log is read again from the checkpoint.
   * Those that are not assigned any more, or are being claimed already, are left alone.
   */
  reclaim(partitions: readonly number[]): void {
    this.claim(
      partitions.filter((partition) => (this.holdings.get(partition)?.kind ?? 'claiming') !== 'claiming'),
    );
  }

  /** Another replica has claimed these: what memory holds of them is void, where it is still held. */
  fence(owned: readonly OwnedPartition[]): void {
    const lost = owned.filter((partition) => this.holds(partition)).map(({ partition }) => partition);
    if (lost.length === 0) return;
    for (const partition of lost) this.holdings.set(partition, { kind: 'fenced', since: Date.now() });
    this.logger.warn(`Another replica has claimed partition ${lost.join(', ')}: its events are left to it`);
  }

  /** Whether this very claim of the partition still stands. */
  holds(owned: OwnedPartition): boolean {
    return this.ownedOf(owned.partition) === owned;
  }

  /**
   * Stops the partition, loudly, when its log no longer has the offset to read next, or is not there any more.
   * @param before its position before the bounds were asked for: the log may have grown and been read since
   * @returns whether it did
   */
  async haltIfOutside(owned: OwnedPartition, before: bigint, bounds: LogBounds): Promise<boolean> {
    const problem = problemOf(before, owned, bounds);
    if (!problem) return false;
    const { topic, partition } = owned.origin;
    await this.checkpoints.halt(topic, partition, owned.epoch, problem.reason, problem.detail);
    if (this.holds(owned)) this.halt(partition, owned.epoch, problem.detail);
    return true;
  }

  private halt(partition: number, epoch: string, detail: string): void {
    this.holdings.set(partition, { kind: 'halted', epoch });
    this.source.pause(partition);
    this.logger.error(
      `Partition ${partition} is HALTED: ${detail}. Nothing of it is read until an administrator acknowledges: POST /pipeline/partitions/${partition}/acknowledge`,
    );
  }

  private ownedOf(partition: number): OwnedPartition | undefined {
    const holding = this.holdings.get(partition);
    return holding?.kind === 'owned' ? holding.owned : undefined;
  }

  private claim(partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    const settled = this.claimUntilDone(this.generation, partitions);
    for (const partition of partitions) this.holdings.set(partition, { kind: 'claiming', settled });
  }

  private async claimUntilDone(generation: number, partitions: readonly number[]): Promise<void> {
    await this.database.whenReady();
    for (
      let wait = FIRST_RETRY_MS;
      generation === this.generation;
      wait = Math.min(wait * 2, LAST_RETRY_MS)
    ) {
      try {
        const bounds = await this.source.bounds();
        if (generation !== this.generation) return;
        const claims = await this.checkpoints.claim(
          this.source.topic,
          this.owner,
          this.starts(partitions, bounds),
        );
        if (generation !== this.generation) return;
        // Asked again: the replica that held the partitions may have moved their checkpoints on in between.
        const boundsNow = await this.source.bounds();
        for (const claim of claims)
          if (generation === this.generation) await this.settle(claim, boundsNow, generation);
        return;
      } catch (error) {
        const line = `Partition ${partitions.join(', ')} cannot be claimed yet: ${(error as Error).message}`;
        if (wait === FIRST_RETRY_MS) this.logger.warn(line);
        else this.logger.debug(line);
        await delay(wait);
      }
    }
  }

  private starts(
    partitions: readonly number[],
    bounds: ReadonlyMap<number, LogBounds>,
  ): Map<number, LogPosition> {
    return new Map(
      partitions.map((partition) => {
        const known = bounds.get(partition);
        if (!known) throw new Error(`the log does not know partition ${partition}`);
        const offset = this.config.START_FROM === 'latest' ? known.high : known.low;
        return [partition, { logId: known.logId, offset }];
      }),
    );
  }

  private async settle(
    claim: Claim,
    allBounds: ReadonlyMap<number, LogBounds>,
    generation: number,
  ): Promise<void> {
    const { partition } = claim;
    if (claim.halted) {
      this.halt(partition, claim.epoch, 'it was halted before and is not acknowledged yet');
      return;
    }
    const recentIds = RecentIds.by(this.config);
    if (recentIds) await this.checkpoints.restoreIds(this.source.topic, partition, recentIds);
    if (generation !== this.generation) return;
    const owned = new OwnedPartition(this.source.topic, claim, this.takeIn, recentIds);
    // First: what was fetched for an earlier claim may be of another log.
    this.source.seek(partition, owned.position, owned.logId);
    this.holdings.set(partition, { kind: 'owned', owned });
    const bounds = allBounds.get(partition);
    if (bounds && (await this.haltIfOutside(owned, claim.nextOffset, bounds))) return;
    if (!this.holds(owned)) return;
    this.source.resume(partition);
    this.logger.log(`Reading partition ${partition} from offset ${owned.position} (epoch ${claim.epoch})`);
  }
}

function problemOf(
  before: bigint,
  owned: OwnedPartition,
  { logId, low, high }: LogBounds,
): { reason: HaltReason; detail: string } | null {
  const { position } = owned;
  if (logId !== owned.logId)
    return {
      reason: 'log_replaced',
      detail: `the topic was deleted and created anew, or is that of another cluster: its log has the id ${logId}, the checkpoint ${position} is of ${owned.logId}`,
    };
  if (position < low)
    return {
      reason: 'log_truncated',
      detail: `the log begins at offset ${low}, after the checkpoint ${position}: ${low - position} records are lost to retention`,
    };
  if (before > high)
    return {
      reason: 'log_behind_checkpoint',
      detail: `the log ends at offset ${high}, before the checkpoint ${before}: it has lost records`,
    };
  return null;
}
