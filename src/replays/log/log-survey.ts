import { Inject, Injectable, Logger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { CONFIG, type Config } from '../../config/config.js';
import { ProblemError } from '../../http/problem.js';
import { EventSource } from '../../transport/event-source.js';
import type { LogPosition } from '../../transport/log-position.js';
import { LogReader } from '../../transport/log-reader.js';
import { LOOK_BACK_MS, planLog, type LogExtent, type ReadPartition } from '../core/log-plan.js';
import type { RebuildRange } from '../core/rebuild-range.js';
import { RebuildInputsRepository } from './rebuild-inputs.repository.js';

/** Where to read from, and who has read it so far. */
export interface Survey {
  readonly starts: ReadonlyMap<number, LogPosition>;
  readonly partitions: readonly ReadPartition[];
}

/** Finds out whether all that the windows of a range were made of is still there. */
@Injectable()
export class LogSurvey {
  private readonly logger = new Logger('Replay');

  constructor(
    private readonly source: EventSource,
    private readonly reader: LogReader,
    private readonly inputs: RebuildInputsRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws ProblemError log_too_short, data_expired, log_unavailable */
  async make(connection: EntityManager, range: RebuildRange): Promise<Survey> {
    await this.assertNothingExpired(connection, range);
    // Before the log: a checkpoint that has just moved must not lie behind its end.
    const all = await this.inputs.partitions(connection);
    const gaps = await this.ask(() => this.reader.gaps());
    if (gaps !== null) throw tooShort(gaps);
    // Repeats that the range does not count may be of events that came before it.
    const lookBack = LOOK_BACK_MS + this.config.DEDUPLICATION_WINDOW;
    const log = await this.extents(Math.max(0, range.from - lookBack));
    const plan = planLog(this.source.topic, all, log, range.from);
    if (plan.kind === 'too_short') throw tooShort(plan.detail);
    const partitions = all.filter(({ topic }) => topic === this.source.topic);
    return { starts: plan.starts, partitions };
  }

  /** @throws ProblemError data_expired */
  async assertNothingExpired(connection: EntityManager, range: RebuildRange): Promise<void> {
    const day = await this.inputs.firstExpired(connection, range);
    if (day !== null)
      throw new ProblemError(
        'data_expired',
        `Windows or anomalies of ${day} were deleted after their retention; made anew from the log they would count twice, or be incomplete.`,
      );
  }

  private extents(instant: number): Promise<Map<number, LogExtent>> {
    return this.ask(async () => {
      // Trimming goes on: whatever is gone by the second look is seen by it.
      const starts = await this.reader.offsetsAt(instant);
      const bounds = await this.source.bounds();
      return new Map(
        [...bounds].map(([partition, { logId, low, high }]) => [
          partition,
          { logId, low, high, start: starts.get(partition) ?? high },
        ]),
      );
    });
  }

  private async ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      // The error may name addresses.
      this.logger.warn(`The log cannot be asked now: ${(error as Error).message}`);
      throw new ProblemError('log_unavailable', 'The log does not answer now; try again later.');
    }
  }
}

const tooShort = (detail: string): ProblemError =>
  new ProblemError('log_too_short', `The windows cannot be made anew from the log: ${detail}.`);
