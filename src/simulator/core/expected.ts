import { formatInstant } from '../../http/core/instant.js';
import type { Expected } from '../answer-key.schemas.js';
import type { KeyedWindow, KeyRules, PartitionAnswer } from './answer-key.js';
import { totalsOf } from './expected-ledger.js';

/** A key as JSON, apart from what it is the key of. */
export type ExpectedResult<Partition = Expected['partitions'][number]> = Omit<
  Expected,
  'runId' | 'topic' | 'partitions'
> & { partitions: Partition[] };

/**
 * The JSON of an answer.
 * @param partitions with their offsets where the log has such, see {@link locatedAnswer}
 */
export function expectedOf<Partition extends PartitionAnswer>(
  rules: KeyRules | null,
  partitions: readonly Partition[],
  windows: readonly KeyedWindow[],
): ExpectedResult<Partition> {
  return {
    rules: { ...rules },
    ...totalsOf(partitions),
    partitions: [...partitions],
    windows: windows.toSorted(byTimeAndName).map((window) => ({
      metricType: window.metricType,
      metricKey: window.metricKey,
      windowStart: formatInstant(new Date(window.windowStart)),
      eventCount: window.eventCount,
      lateEvents: window.lateEvents,
      sumMicros: String(window.sumMicros),
      metricValue: metricValue(window),
    })),
  };
}

/** @param first where the log ended before the run @param end where it must end after it */
export const locatedAnswer = (
  answer: PartitionAnswer,
  first: bigint,
  end: bigint,
): Expected['partitions'][number] => ({ ...answer, firstOffset: String(first), endOffset: String(end) });

/** Gigabytes of data (1,024 MB each), the amount of recharges, the count of all else. */
function metricValue({ metricType, metricKey, eventCount, sumMicros }: KeyedWindow): number {
  if (metricType === 'event_type_agg' && /^data_session(_|$)/.test(metricKey))
    return Number(sumMicros) / 1e6 / 1024;
  if (metricType === 'event_type_agg' && /^balance_recharge(_|$)/.test(metricKey))
    return Number(sumMicros) / 1e6;
  return eventCount;
}

const compare = <T extends string | number>(one: T, other: T): number => (one < other ? -1 : +(one > other));

const byTimeAndName = (one: KeyedWindow, other: KeyedWindow): number =>
  compare(one.windowStart, other.windowStart) ||
  compare(one.metricType, other.metricType) ||
  compare(one.metricKey, other.metricKey);
