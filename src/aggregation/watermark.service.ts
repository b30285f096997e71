import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CONFIG, type Config } from '../config/config.js';
import type { PipelineWatermark } from './core/pipeline-watermark.js';
import { PROGRESS_COLUMNS, progressParameters, watermarkOf, type ProgressRow } from './partition-progress.js';

/** The pipeline watermark over all replicas, read from their checkpoints. */
@Injectable()
export class WatermarkService {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async current(): Promise<PipelineWatermark> {
    const rows: ProgressRow[] = await this.database.query(
      `SELECT ${PROGRESS_COLUMNS} FROM ingest_partitions WHERE topic = $1 ORDER BY partition`,
      progressParameters(this.config),
    );
    return watermarkOf(rows, this.config);
  }
}
