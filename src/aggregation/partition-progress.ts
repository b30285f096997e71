import { topicOf, type Config } from '../config/config.js';
import {
  pipelineWatermark,
  type PartitionProgress,
  type PipelineWatermark,
} from './core/pipeline-watermark.js';

/** What {@link PROGRESS_COLUMNS} selects. */
export interface ProgressRow {
  partition: number;
  newest_event_time: Date | null;
  idle: boolean;
  halted: boolean;
  since: Date | null;
  now: Date;
}

/**
 * Columns of `ingest_partitions` that tell a partition's progress; $1 is the topic, $2 and $3 belong to them,
 * see {@link progressParameters}. The
 * database's clock is used, so that all replicas agree.
 */
// A partition nobody has looked at for a while is not idle: there may be events that no replica reads.
export const PROGRESS_COLUMNS = `
  partition, newest_event_time, halted_at IS NOT NULL AS halted, now() AS now,
  coalesce(halted_at, last_flush_at, claimed_at) AS since,
  coalesce(caught_up_since <= seen_at - make_interval(secs => $2) AND seen_at > now() - make_interval(secs => $3), false) AS idle`;

type ProgressConfig = Pick<
  Config,
  'IDLE_TIMEOUT' | 'KAFKA_SESSION_TIMEOUT' | 'WATERMARK_DELAY' | 'KAFKA_BROKERS' | 'KAFKA_TOPIC'
>;

export const progressParameters = (config: ProgressConfig): [string, number, number] => [
  topicOf(config),
  config.IDLE_TIMEOUT / 1000,
  (config.IDLE_TIMEOUT + config.KAFKA_SESSION_TIMEOUT) / 1000,
];

/** The pipeline watermark by the checkpoints of all partitions. */
export function watermarkOf(rows: readonly ProgressRow[], config: ProgressConfig): PipelineWatermark {
  const now = rows[0]?.now.getTime() ?? Date.now();
  return pipelineWatermark(rows.map(toProgress), now, config.WATERMARK_DELAY);
}

const toProgress = (row: ProgressRow): PartitionProgress => ({
  partition: row.partition,
  newestEventTime: row.newest_event_time?.getTime() ?? null,
  idle: row.idle,
  halted: row.halted,
  since: row.since?.getTime() ?? null,
});
