import type { LogRecords } from '../transport/record-batch.js';
import type { Claim } from './checkpoint.repository.js';
import type { IntakeRules, RecordOrigin, TakeIn } from './core/intake.js';
import { OutcomeWindow } from './core/recent-outcomes.js';
import { PartitionDelta } from './core/partition-delta.js';
import type { RecentIds } from './core/recent-ids.js';
import { RecordGroup } from './core/record-group.js';

/** Events that tell whether a producer has gone bad. */
const RECENT_EVENTS = 10_000;

/** One for all partitions, as each is done with it before another begins. */
const group = new RecordGroup();

/**
 * A partition that this replica holds the claim of. Memory holds only what came after the last checkpoint: one delta
 * that grows, and at most one that is sealed and on its way to the database.
 */
export class OwnedPartition {
  readonly epoch: string;
  readonly origin: RecordOrigin;
  /** The log that it is read from. */
  readonly logId: string;
  /** Records taken in since the claim. */
  taken = 0;
  /** How the last of them came out. */
  readonly outcomes = new OutcomeWindow(RECENT_EVENTS);
  private active: PartitionDelta;
  private sealed: PartitionDelta | null = null;

  constructor(
    topic: string,
    claim: Claim,
    private readonly takeIn: TakeIn,
    /** What the partition has had up to the checkpoint. */
    private readonly recentIds: RecentIds | null,
  ) {
    this.epoch = claim.epoch;
    this.logId = claim.logId;
    this.origin = { topic, partition: claim.partition, incarnation: claim.incarnation };
    this.active = new PartitionDelta(claim.nextOffset, claim.newestEventTime, recentIds);
  }

  get partition(): number {
    return this.origin.partition;
  }

  /** The offset to read next. */
  get position(): bigint {
    return this.active.to;
  }

  get pendingAnomalyBytes(): number {
    return this.active.anomalyBytes;
  }

  /**
   * Takes in the next of these records; offsets that are missing between them hold no event. When it throws, what memory
   * holds of the partition is of no use any more.
   * @returns how many it took: less than `most` only when none are left
   */
  take(records: LogRecords, most: number, rules: IntakeRules, now: number): number {
    let taken = 0;
    try {
      while (taken < most && group.read(records, most - taken, rules.maxEventBytes) > 0) {
        this.takeGroup(rules, now);
        taken += group.size;
      }
    } finally {
      group.release();
    }
    this.taken += taken;
    return taken;
  }

  /** Moves on over offsets that hold no event: control records, aborted and compacted ones. */
  skipTo(offset: bigint): void {
    if (offset > this.position) this.moveTo(offset, 0);
  }

  /** Closes the growing delta and begins the next; null when there is nothing new or the last one is not stored yet. */
  seal(): PartitionDelta | null {
    if (this.sealed !== null || this.active.isEmpty) return null;
    this.sealed = this.active;
    this.sealed.newIds = this.recentIds?.drain() ?? null;
    this.active = new PartitionDelta(this.sealed.to, this.sealed.newestEventTime, this.recentIds);
    return this.sealed;
  }

  /** The sealed delta is in the database. */
  stored(): void {
    this.sealed = null;
    this.recentIds?.stored();
  }

  private takeGroup(rules: IntakeRules, now: number): void {
    const { active, origin } = this;
    const { anomalies } = active;
    this.recentIds?.expect(group.idHighs, group.size);
    for (let index = 0; index < group.size; index++) {
      const before = anomalies.length;
      this.takeIn(group.at(index), origin, active, rules, now);
      this.outcomes.add(anomalies[before]?.reason ?? null);
    }
    this.moveTo(BigInt(group.at(group.size - 1).offset) + 1n, group.size);
  }

  private moveTo(offset: bigint, records: number): void {
    const gap = Number(offset - this.active.to) - records;
    this.active.ledger.consumed += gap;
    this.active.ledger.skipped += gap;
    this.active.to = offset;
  }
}
