import { Injectable, Logger } from '@nestjs/common';
import { EventSource } from '../transport/event-source.js';
import { CheckpointRepository, type PartitionReport } from './checkpoint.repository.js';
import type { OwnedPartition } from './owned-partition.js';
import { ProducerFuse } from './producer-fuse.js';
import { PartitionOwnership } from './partition-ownership.js';

/** A fenced partition that is still assigned after this time is claimed back: the other replica must be gone. */
const FENCED_FOR_MS = 10_000;

const INTERVAL_MS = 2_000;

/**
 * Looks after the partitions between batches: tells everyone how they stand, halts one whose log has lost the
 * checkpoint even when nothing arrives, and takes acknowledged ones back.
 */
@Injectable()
export class PartitionMonitor {
  private readonly logger = new Logger('Monitor');
  private readonly lastTaken = new WeakMap<OwnedPartition, { taken: number; at: number }>();
  private failing = false;
  private timer: NodeJS.Timeout | undefined;
  private checking: Promise<void> | null = null;

  constructor(
    private readonly source: EventSource,
    private readonly ownership: PartitionOwnership,
    private readonly checkpoints: CheckpointRepository,
    private readonly fuse: ProducerFuse,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.checking ??= this.check().finally(() => (this.checking = null));
    }, INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.checking;
  }

  private async check(): Promise<void> {
    try {
      await this.checkOwned();
      await this.takeBack();
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.logger.warn(`The partitions cannot be looked after: ${(error as Error).message}`);
      this.failing = true;
    }
  }

  private async checkOwned(): Promise<void> {
    const owned = this.ownership.owned().map((partition) => ({ partition, before: partition.position }));
    const halted = this.ownership.halted();
    if (owned.length + halted.length === 0) return;
    const bounds = await this.source.bounds();
    // A halted partition takes nothing in, but its lag grows for all to see.
    const reports: PartitionReport[] = halted.flatMap(({ partition, epoch }) => {
      const known = bounds.get(partition);
      return known
        ? [{ partition, epoch, highWatermark: known.high, eventsPerSecond: 0, outcomes: null }]
        : [];
    });
    for (const { partition, before } of owned) {
      const known = bounds.get(partition.partition);
      if (!known || (await this.ownership.haltIfOutside(partition, before, known))) continue;
      const eventsPerSecond = this.rateOf(partition);
      reports.push({
        partition: partition.partition,
        epoch: partition.epoch,
        highWatermark: known.high,
        eventsPerSecond,
        outcomes: this.fuse.look(partition),
      });
    }
    const stillOwned = await this.checkpoints.report(this.source.topic, reports);
    const reported = new Set(reports.map(({ partition }) => partition));
    this.ownership.fence(
      owned
        .map(({ partition }) => partition)
        .filter(({ partition }) => reported.has(partition) && !stillOwned.includes(partition)),
    );
  }

  private async takeBack(): Promise<void> {
    const halted = this.ownership.halted().map(({ partition }) => partition);
    const stillHalted = halted.length > 0 ? await this.checkpoints.halted(this.source.topic, halted) : [];
    // Asked again: a rebalance may have changed hands meanwhile.
    const acknowledged = this.ownership
      .halted()
      .map(({ partition }) => partition)
      .filter((partition) => halted.includes(partition) && !stillHalted.includes(partition));
    this.ownership.reclaim([...this.ownership.fencedBefore(Date.now() - FENCED_FOR_MS), ...acknowledged]);
  }

  private rateOf(partition: OwnedPartition): number {
    const now = { taken: partition.taken, at: performance.now() };
    const before = this.lastTaken.get(partition);
    this.lastTaken.set(partition, now);
    return before ? ((now.taken - before.taken) * 1000) / Math.max(1, now.at - before.at) : 0;
  }
}
