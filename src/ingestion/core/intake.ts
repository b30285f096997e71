import { storableJson } from '../../anomalies/core/storable.js';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS } from '../../aggregation/core/window-spec.js';
import { valueOf, type LogRecord } from '../../transport/record-batch.js';
import { decode } from './decode.js';
import type { RawEvent, Rejection, ValidEvent } from './event.js';
import { instant, judgeAhead, type JudgedRecord, type TimeRefusal } from './judge.js';
import type { PartitionDelta } from './partition-delta.js';
import { eventTimeOf } from './validate.js';

/** End of the year 9999; a producer may send any 64-bit number, PostgreSQL holds no such instant. */
const MAX_RECORD_TIMESTAMP = 253_402_300_799_999;

export interface IntakeRules {
  readonly maxEventBytes: number;
  /** Microseconds. */
  readonly maxLateness: number;
  /** Microseconds by which the event-time watermark trails the newest accepted event. */
  readonly watermarkDelay: number;
  readonly lateEvents: 'amend' | 'divert';
}

/** The rules that the configuration sets. */
export const intakeRules = (config: {
  /** Bytes. */
  readonly MAX_EVENT_BYTES: number;
  /** Milliseconds. */
  readonly MAX_LATENESS: number;
  readonly WATERMARK_DELAY: number;
  readonly LATE_EVENTS: 'amend' | 'divert';
}): IntakeRules => ({
  maxEventBytes: config.MAX_EVENT_BYTES,
  maxLateness: config.MAX_LATENESS * 1000,
  watermarkDelay: config.WATERMARK_DELAY * 1000,
  lateEvents: config.LATE_EVENTS,
});

/** Where a record comes from; part of the anomaly it may become. */
export interface RecordOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: number;
}

export type TakeIn = typeof takeIn;

/**
 * Takes one record, judged by `rules.maxEventBytes`, into the partition's delta: counted in its windows, or set aside with a reason.
 * The outcome depends on the log up to this record alone, never on batches, restarts or other partitions.
 * @param now epoch milliseconds; stands in for the timestamp of a record that has none
 */
export function takeIn(
  record: JudgedRecord,
  origin: RecordOrigin,
  delta: PartitionDelta,
  rules: IntakeRules,
  now: number,
): void {
  delta.ledger.consumed++;
  const { timestamp: recordTimestamp, verdict } = record;
  if (recordTimestamp < 0) delta.untimedUntil = BigInt(record.offset) + 1n;
  if (verdict.reason !== null) {
    setAside(record, origin, delta, verdict, verdict.event && eventTimeOf(verdict.event));
    return;
  }
  const ahead = judgeAhead(verdict.eventTime, recordTimestamp >= 0 ? recordTimestamp : now);
  const refusal = ahead ?? judgeLateness(verdict, delta.newestEventTime, rules);
  // Before it is set aside: replayed from there, a repeat would count after all.
  if (ahead === null && isRepeat(verdict, delta, refusal === null)) {
    delta.ledger.duplicates++;
    return;
  }
  if (refusal) {
    setAside(record, origin, delta, { ...refusal, event: eventOf(record) }, verdict.eventTime);
    return;
  }

  const eventMillis = Math.floor(verdict.eventTime / 1000);
  const typeWindow = EVENT_TYPE_WINDOWS.startOf(eventMillis);
  const regionWindow = REGION_WINDOWS.startOf(eventMillis);
  const watermark = delta.newestEventTime === null ? -Infinity : delta.newestEventTime - rules.watermarkDelay;
  const lateForType = EVENT_TYPE_WINDOWS.endOf(typeWindow) * 1000 <= watermark;
  const lateForRegion = REGION_WINDOWS.endOf(regionWindow) * 1000 <= watermark;
  const late = lateForType || lateForRegion;
  if (late && rules.lateEvents === 'divert') {
    const window = new Date(lateForType ? typeWindow : regionWindow).toISOString();
    const detail = `the window from ${window} was closed: the partition's watermark stood at ${instant(watermark)}`;
    setAside(
      record,
      origin,
      delta,
      { reason: 'late_event', detail, event: eventOf(record) },
      verdict.eventTime,
    );
    return;
  }

  delta.windows.add(EVENT_TYPE_WINDOWS, typeWindow, verdict.typeKey, verdict.micros, lateForType);
  delta.windows.add(REGION_WINDOWS, regionWindow, verdict.region, 0, lateForRegion);
  if (late) delta.ledger.lateCounted++;
  else delta.ledger.counted++;
  if (delta.newestEventTime === null || verdict.eventTime > delta.newestEventTime)
    delta.newestEventTime = verdict.eventTime;
}

/** The whole event of a record whose content was found valid. */
const eventOf = (record: LogRecord): RawEvent | null => decode(valueOf(record), Infinity).event;

/**
 * Whether the partition has had the event's id within the window. The id of an accepted event, or of a repeat of one, is known from now
 * on; that of an event that comes too late is not: it is no part of what the partition has counted.
 */
function isRepeat(
  { idHigh, idLow, eventTime }: ValidEvent,
  { recentIds, newestEventTime }: PartitionDelta,
  accepted: boolean,
): boolean {
  if (recentIds === null || (idHigh === 0 && idLow === 0)) return false;
  const now = Math.floor(Math.max(newestEventTime ?? eventTime, eventTime) / 1000);
  return accepted ? recentIds.add(idHigh, idLow, now) : recentIds.has(idHigh, idLow, now);
}

function judgeLateness(
  { eventTime }: ValidEvent,
  newest: number | null,
  rules: IntakeRules,
): TimeRefusal | null {
  if (newest !== null && newest - eventTime > rules.maxLateness)
    return {
      reason: 'too_late',
      detail: `the event time ${instant(eventTime)} is more than ${rules.maxLateness / 3_600_000_000} h before the partition's newest ${instant(newest)}`,
    };
  return null;
}

function setAside(
  record: LogRecord,
  origin: RecordOrigin,
  delta: PartitionDelta,
  { reason, detail, event }: Rejection,
  eventTime: number | null,
): void {
  const { timestamp: recordTimestamp } = record;
  delta.ledger.anomalies++;
  // A copy: the record's bytes are a view into the whole fetch, which must not stay in memory for one bad event.
  const value = valueOf(record);
  const raw = value && Buffer.from(value);
  delta.anomalyBytes += raw?.length ?? 0;
  delta.anomalies.push({
    reason,
    detail,
    raw,
    eventData: event && storableJson(event),
    topic: origin.topic,
    partition: origin.partition,
    incarnation: origin.incarnation,
    offset: String(record.offset),
    eventTime,
    recordTimestamp: recordTimestamp >= 0 && recordTimestamp <= MAX_RECORD_TIMESTAMP ? recordTimestamp : null,
  });
}
