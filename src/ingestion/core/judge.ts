import type { AnomalyReason } from '../../anomalies/core/reason.js';
import { logRecord, valueOf, type LogRecord } from '../../transport/record-batch.js';
import { decode } from './decode.js';
import type { Verdict } from './event.js';
import { readPlainEvent } from './plain-event.js';
import { validate } from './validate.js';

/** How far an event may be ahead of its record's own timestamp; a clock far ahead must never move the watermark. */
export const MAX_AHEAD_MICROS = 300_000_000;

/** Why an event whose content is valid does not count all the same. */
export interface TimeRefusal {
  readonly reason: AnomalyReason;
  readonly detail: string;
}

/** A record, and what the rules about it by itself come to. */
export interface JudgedRecord extends LogRecord {
  readonly verdict: Verdict;
}

/** The rules about a record by itself, from its size to the event's timestamp. */
export function judgeRecord(record: LogRecord, maxBytes: number): Verdict {
  const { bytes, start, end } = record;
  if (bytes !== null && end - start <= maxBytes) {
    const plain = readPlainEvent(bytes, start, end);
    if (plain !== null) return plain;
  }
  const decoded = decode(valueOf(record), maxBytes);
  return decoded.reason === null ? validate(decoded.event) : decoded;
}

export function judged(record: LogRecord, maxBytes: number): JudgedRecord {
  const { offset, timestamp, bytes, start, end } = record;
  return { offset, timestamp, bytes, start, end, verdict: judgeRecord(record, maxBytes) };
}

/** As {@link judgeRecord}, for bytes that are no record yet. */
export const judgeContent = (value: Buffer | null, maxBytes: number): Verdict =>
  judgeRecord(logRecord(0, 0, value), maxBytes);

/**
 * The rule about an event that is ahead of its record.
 * @param eventTime epoch microseconds
 * @param recordTimestamp epoch milliseconds
 */
export function judgeAhead(eventTime: number, recordTimestamp: number): TimeRefusal | null {
  const recordMicros = recordTimestamp * 1000;
  if (eventTime - recordMicros <= MAX_AHEAD_MICROS) return null;
  return {
    reason: 'future_timestamp',
    detail: `the event time ${instant(eventTime)} is more than 5 min after its record's ${instant(recordMicros)}`,
  };
}

/** Epoch microseconds for people to read. */
export const instant = (micros: number): string => new Date(Math.floor(micros / 1000)).toISOString();
