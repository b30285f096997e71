import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import {
  PROGRESS_COLUMNS,
  progressParameters,
  watermarkOf,
  type ProgressRow,
} from '../aggregation/partition-progress.js';
import { CONFIG, type Config } from '../config/config.js';
import { formatInstant, formatOptionalInstant } from '../http/core/instant.js';
import { isAlarming } from '../ingestion/core/recent-outcomes.js';
import { imbalanceOf } from '../ingestion/core/ledger.js';
import type { PipelinePartition, PipelineStatus } from './pipeline.schemas.js';

interface PartitionRow extends ProgressRow {
  topic: string;
  owner: string | null;
  next_offset: string;
  high_watermark: string | null;
  lag: string | null;
  consumed: string;
  counted: string;
  late_counted: string;
  anomalies: string;
  duplicates: string;
  skipped: string;
  events_per_second: number;
  seen_lately: boolean;
  last_flush_at: Date | null;
  last_flush_ms: number | null;
  halted_at: Date | null;
  halted_reason: string | null;
  halted_detail: string | null;
  replays_applied: string;
  replays_rejected: string;
  replays_discarded: string;
  recent_events: number | null;
  recent_invalid: number | null;
  recent_reason: string | null;
}

/** What `GET /pipeline` says, but for the transport, which only this process knows. */
export type PipelineState = Omit<PipelineStatus, 'transport'>;

/** How far the pipeline is, over all replicas, by the checkpoints in the database. */
@Injectable()
export class PipelineQueries {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async state(): Promise<PipelineState> {
    const rows: PartitionRow[] = await this.database.query(
      `SELECT topic, owner, next_offset, CASE WHEN high_watermark IS NOT NULL THEN greatest(high_watermark, next_offset) END AS high_watermark,
              CASE WHEN high_watermark IS NOT NULL THEN greatest(high_watermark - next_offset, 0) END AS lag,
              consumed, counted, late_counted, anomalies, duplicates, skipped, events_per_second,
              coalesce(seen_at > now() - interval '10 seconds', false) AS seen_lately,
              last_flush_at, last_flush_ms, recent_events, recent_invalid, recent_reason,
              coalesce(replayed.applied, 0) AS replays_applied, coalesce(replayed.rejected, 0) AS replays_rejected,
              coalesce(replayed.discarded, 0) AS replays_discarded, halted_at, halted_reason, halted_detail, ${PROGRESS_COLUMNS}
         FROM ingest_partitions LEFT JOIN replay_counters AS replayed USING (topic, partition)
        WHERE topic = $1 ORDER BY partition`,
      progressParameters(this.config),
    );
    const { watermark, heldBy } = watermarkOf(rows, this.config);
    const lastFlush = rows.reduce<PartitionRow | null>(
      (newest, row) => (timeOf(row.last_flush_at) > timeOf(newest?.last_flush_at ?? null) ? row : newest),
      null,
    );
    return {
      watermark: watermark === null ? null : formatInstant(new Date(watermark)),
      eventsPerSecond: oneDecimal(rows.reduce((sum, row) => sum + rateOf(row), 0)),
      openWindows: await this.openWindows(watermark),
      partitions: rows.map((row) => this.toPartition(row)),
      heldBy: heldBy && {
        ...heldBy,
        since: heldBy.since === null ? null : formatInstant(new Date(heldBy.since)),
      },
      lastFlushAt: formatOptionalInstant(lastFlush?.last_flush_at ?? null),
      lastFlushMs: lastFlush?.last_flush_ms == null ? null : oneDecimal(lastFlush.last_flush_ms),
    };
  }

  private async openWindows(watermark: number | null): Promise<number> {
    // No window is longer than a day, which lets the index on window_start find them.
    const [row]: { count: string }[] = await this.database.query(
      `SELECT count(*) AS count FROM real_time_metrics
        WHERE $1::timestamptz IS NULL OR (window_start > $1::timestamptz - interval '1 day' AND window_end > $1::timestamptz)`,
      [watermark === null ? null : new Date(watermark)],
    );
    return Number(row?.count ?? 0);
  }

  private toPartition(row: PartitionRow): PipelinePartition {
    const ledger = {
      consumed: Number(row.consumed),
      counted: Number(row.counted),
      lateCounted: Number(row.late_counted),
      anomalies: Number(row.anomalies),
      duplicates: Number(row.duplicates),
      skipped: Number(row.skipped),
    };
    return {
      topic: row.topic,
      partition: row.partition,
      owner: row.owner,
      status: row.halted ? 'halted' : row.idle ? 'idle' : 'active',
      position: row.next_offset,
      highWatermark: row.high_watermark,
      lag: row.lag === null ? null : Number(row.lag),
      eventTimeWatermark:
        row.newest_event_time &&
        formatInstant(new Date(row.newest_event_time.getTime() - this.config.WATERMARK_DELAY)),
      ledger,
      balanced: imbalanceOf(ledger) === 0,
      eventsPerSecond: rateOf(row),
      replays: {
        applied: Number(row.replays_applied),
        rejected: Number(row.replays_rejected),
        discarded: Number(row.replays_discarded),
      },
      recentEvents: recentOf(row, this.config.ANOMALY_ALERT_RATIO),
      halted: row.halted_at && {
        reason: row.halted_reason ?? 'unknown',
        detail: row.halted_detail,
        since: formatInstant(row.halted_at),
      },
    };
  }
}

function recentOf(row: PartitionRow, alertRatio: number): PipelinePartition['recentEvents'] {
  const { recent_events: events, recent_invalid: invalid, recent_reason: leadingReason } = row;
  if (events === null || invalid === null) return null;
  const alert = isAlarming({ events, invalid }, alertRatio);
  return { events, invalid, ratio: invalid / Math.max(1, events), leadingReason, alert };
}

const timeOf = (date: Date | null): number => date?.getTime() ?? Number.NEGATIVE_INFINITY;

/** The rate of a replica that has gone away is a thing of the past. */
const rateOf = (row: PartitionRow): number => (row.seen_lately ? oneDecimal(row.events_per_second) : 0);

const oneDecimal = (value: number): number => Math.round(value * 10) / 10;
