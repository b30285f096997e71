/** What a partition's checkpoint says about its progress in event time. Instants are epoch milliseconds. */
export interface PartitionProgress {
  readonly partition: number;
  /** Newest accepted event time; null before the first accepted event. */
  readonly newestEventTime: number | null;
  readonly idle: boolean;
  readonly halted: boolean;
  /** Since when this partition is as it is (claimed, halted or last moved); for people to read. */
  readonly since: number | null;
}

export interface PipelineWatermark {
  /** Epoch milliseconds; null while a partition that is not idle has no accepted event yet. */
  readonly watermark: number | null;
  /** The partition that holds the watermark back, or null when all are idle. */
  readonly heldBy: {
    readonly partition: number;
    readonly reason: HoldReason;
    readonly since: number | null;
  } | null;
}

export type HoldReason = 'halted' | 'no_events_yet' | 'slowest_partition';

/**
 * The pipeline watermark: minimum over the partitions that are not idle; when all are idle, wall clock − delay.
 * @param now epoch milliseconds
 * @param delay WATERMARK_DELAY in milliseconds
 */
export function pipelineWatermark(
  partitions: readonly PartitionProgress[],
  now: number,
  delay: number,
): PipelineWatermark {
  let slowest: PartitionProgress | null = null;
  for (const partition of partitions) {
    if (partition.idle && !partition.halted) continue;
    if (slowest === null || eventTimeOf(partition) < eventTimeOf(slowest)) slowest = partition;
  }
  if (slowest === null) return { watermark: now - delay, heldBy: null };
  return {
    watermark: slowest.newestEventTime === null ? null : slowest.newestEventTime - delay,
    heldBy: { partition: slowest.partition, reason: holdReason(slowest), since: slowest.since },
  };
}

const eventTimeOf = (partition: PartitionProgress): number =>
  partition.newestEventTime ?? Number.NEGATIVE_INFINITY;

function holdReason(partition: PartitionProgress): HoldReason {
  if (partition.halted) return 'halted';
  return partition.newestEventTime === null ? 'no_events_yet' : 'slowest_partition';
}
