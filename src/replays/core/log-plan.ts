import type { LogPosition } from '../../transport/log-position.js';

/** What a rebuild has to know of a partition that ingestion has read. Offsets are of its present incarnation. */
export interface ReadPartition {
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: number;
  /** The log that its checkpoint is of; null when it was not claimed since logs have ids. */
  readonly logId: string | null;
  /** Where ingestion began. */
  readonly firstOffset: bigint;
  /** Its checkpoint. */
  readonly nextOffset: bigint;
  /** Newest event it has counted, epoch milliseconds. */
  readonly newestEventTime: number | null;
  /** Newest event of logs that were in its place before. */
  readonly earlierEventTime: number | null;
  /** The offset behind the last record without a timestamp, which no look for a time finds; 0 when there was none. */
  readonly untimedUntil: bigint;
}

/** What there is of the log. */
export interface LogExtent {
  /** Which log has these. */
  readonly logId: string;
  readonly low: bigint;
  readonly high: bigint;
  /** First offset whose record may hold an event of the range, see {@link LOOK_BACK_MS}. */
  readonly start: bigint;
}

/**
 * Records are read from this time before the range on, in milliseconds: an event may be 5 minutes ahead of its record, and records
 * need not be in the order of their timestamps. What is needed to know repeats comes on top of it.
 */
export const LOOK_BACK_MS = 600_000;

export type LogPlan =
  | { readonly kind: 'plan'; readonly starts: ReadonlyMap<number, LogPosition> }
  /** Not all that the windows were made of can be read. */
  | { readonly kind: 'too_short'; readonly detail: string };

/**
 * Where each partition has to be read from so that the windows of a range can be made anew, exactly as they were made.
 * @param partitions of all topics, those that are not read any more too
 * @param from epoch milliseconds
 */
export function planLog(
  topic: string,
  partitions: readonly ReadPartition[],
  log: ReadonlyMap<number, LogExtent>,
  from: number,
): LogPlan {
  const starts = new Map<number, LogPosition>();
  for (const partition of partitions) {
    const extent = log.get(partition.partition);
    const detail =
      partition.topic === topic ? whatIsMissing(partition, extent, from) : whatIsLostWith(partition, from);
    if (detail !== null) return { kind: 'too_short', detail };
    if (partition.topic === topic) starts.set(partition.partition, startOf(partition, extent));
  }
  return { kind: 'plan', starts };
}

function startOf(
  { firstOffset, untimedUntil, logId }: ReadPartition,
  extent: LogExtent | undefined,
): LogPosition {
  if (!extent) return { logId: logId ?? '', offset: firstOffset };
  const start = untimedUntil > extent.low ? extent.low : extent.start;
  return { logId: logId ?? extent.logId, offset: start > firstOffset ? start : firstOffset };
}

function whatIsMissing(
  { partition, logId, firstOffset, nextOffset, earlierEventTime }: ReadPartition,
  extent: LogExtent | undefined,
  from: number,
): string | null {
  if (earlierEventTime !== null && earlierEventTime >= from)
    return `partition ${partition} had another log before, with events up to ${iso(earlierEventTime)}`;
  if (firstOffset === nextOffset) return null;
  if (!extent) return `the log has no partition ${partition} any more`;
  if (logId !== null && logId !== extent.logId)
    return `the log of partition ${partition} is another one than that which was read: the topic was deleted and created anew`;
  if (extent.high < nextOffset)
    return `the log of partition ${partition} ends at offset ${extent.high}, before the checkpoint ${nextOffset}`;
  // The first record that is left is of the range, or close to it: so may those have been that are gone.
  if (extent.low > firstOffset && extent.start <= extent.low)
    return `the log of partition ${partition} begins at offset ${extent.low}, and its earlier records may belong to the range`;
  return null;
}

const whatIsLostWith = ({ topic, newestEventTime }: ReadPartition, from: number): string | null =>
  newestEventTime !== null && newestEventTime >= from
    ? `events up to ${iso(newestEventTime)} came from the log "${topic}", which is not read any more`
    : null;

const iso = (instant: number): string => new Date(instant).toISOString();
