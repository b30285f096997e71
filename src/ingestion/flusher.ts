import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { EventSource } from '../transport/event-source.js';
import type { Checkpoint } from './checkpoint.repository.js';
import { FencedError, Flush } from './flush.js';
import type { OwnedPartition } from './owned-partition.js';
import { PartitionOwnership } from './partition-ownership.js';

/** Bytes of bad records that memory may hold before they force a flush. */
const MAX_ANOMALY_BYTES = 16 * 1024 * 1024;

type Sealed = Checkpoint & { readonly owned: OwnedPartition };

/** Decides when memory goes to the database. Consumption goes on while one flush is under way, within a bound. */
@Injectable()
export class Flusher {
  /**
   * Since the process began: records taken in, those that were read again included, flushes that were fenced off, and event ids
   * that were forgotten early.
   */
  readonly totals = { taken: 0, fenced: 0, idsForgotten: 0 };
  private readonly logger = new Logger('Flush');
  private inFlight: Promise<void> | null = null;
  /** Events in the growing deltas. */
  private pending = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly ownership: PartitionOwnership,
    private readonly flushStep: Flush,
    private readonly source: EventSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.flush(), this.config.FLUSH_INTERVAL);
  }

  /** Stores whatever is in memory, also what came while a flush was under way. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
    await this.flush();
  }

  /** How many more events memory may take in; when it is 0, await {@link flush}. */
  room(): number {
    const bytes = this.ownership.owned().reduce((sum, owned) => sum + owned.pendingAnomalyBytes, 0);
    return bytes > MAX_ANOMALY_BYTES ? 0 : Math.max(0, this.config.FLUSH_MAX_EVENTS - this.pending);
  }

  /** Counts events taken in; begins a flush, without waiting for it, when memory is full and none is under way. */
  took(events: number): void {
    this.pending += events;
    this.totals.taken += events;
    if (this.inFlight === null && this.room() === 0) void this.flush();
  }

  /**
   * Stores all there is, or waits for the flush under way. Never rejects: after a failure memory is thrown away and
   * the partitions are read again from their checkpoints; the log is the retry buffer.
   */
  flush(): Promise<void> {
    this.inFlight ??= this.sealAndStore().finally(() => (this.inFlight = null));
    return this.inFlight;
  }

  private async sealAndStore(): Promise<void> {
    const sealed = this.seal();
    if (sealed.length === 0) return;
    try {
      await this.storeUnlessFenced(sealed);
    } catch (error) {
      this.logger.warn(
        `The flush failed, its events will be read again from the log: ${(error as Error).message}`,
      );
      const held = sealed.filter(({ owned }) => this.ownership.holds(owned));
      this.ownership.reclaim(held.map(({ partition }) => partition));
    }
  }

  private seal(): Sealed[] {
    this.pending = 0;
    return this.ownership.owned().flatMap((owned) => {
      const delta = owned.seal();
      return delta ? [{ ...owned.origin, epoch: owned.epoch, delta, owned }] : [];
    });
  }

  /** Partitions that another replica holds are dropped; the others are stored without them. */
  private async storeUnlessFenced(sealed: readonly Sealed[]): Promise<void> {
    for (let left = sealed; left.length > 0;) {
      try {
        await this.flushStep.store(left);
      } catch (error) {
        if (!(error instanceof FencedError)) throw error;
        this.totals.fenced++;
        const fenced = new Set(error.partitions);
        this.ownership.fence(left.filter(({ partition }) => fenced.has(partition)).map(({ owned }) => owned));
        left = left.filter(({ partition }) => !fenced.has(partition));
        continue;
      }
      for (const { owned, delta } of left) {
        owned.stored();
        this.totals.idsForgotten += delta.newIds?.forgottenEarly ?? 0;
      }
      void this.source.commit(new Map(left.map(({ partition, delta }) => [partition, delta.to])));
      return;
    }
  }
}
