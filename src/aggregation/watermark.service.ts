import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../config/config.js';
import { pipelineWatermark, type PipelineWatermark } from './core/pipeline-watermark.js';

interface ProgressRow {
  partition: number;
  newest_event_time: Date | null;
  idle: boolean;
  halted: boolean;
  since: Date | null;
  now: Date;
}

/** The pipeline watermark over all replicas, read from their checkpoints. */
@Injectable()
export class WatermarkService {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The database's clock is used, so that all replicas agree. */
  async current(): Promise<PipelineWatermark> {
    // A partition nobody has looked at for a while is not idle: there may be events that no replica reads.
    const rows: ProgressRow[] = await this.database.query(
      `SELECT partition, newest_event_time, halted_at IS NOT NULL AS halted, now() AS now,
              coalesce(halted_at, last_flush_at, claimed_at) AS since,
              coalesce(caught_up_since <= seen_at - make_interval(secs => $1) AND seen_at > now() - make_interval(secs => $2), false) AS idle
         FROM ingest_partitions ORDER BY partition`,
      [
        this.config.IDLE_TIMEOUT / 1000,
        (this.config.IDLE_TIMEOUT + this.config.KAFKA_SESSION_TIMEOUT) / 1000,
      ],
    );
    const now = rows[0]?.now.getTime() ?? Date.now();
    return pipelineWatermark(
      rows.map((row) => ({
        partition: row.partition,
        newestEventTime: row.newest_event_time?.getTime() ?? null,
        idle: row.idle,
        halted: row.halted,
        since: row.since?.getTime() ?? null,
      })),
      now,
      this.config.WATERMARK_DELAY,
    );
  }
}
