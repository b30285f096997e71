import type { AnomalyReason } from '../../anomalies/core/reason.js';
import { storableText } from '../../anomalies/core/storable.js';
import { kindOf } from './decode.js';
import { hashEventId, idHigh, idLow } from './event-id.js';
import {
  eventTypes,
  MAX_QUANTITY,
  MAX_REGION,
  MAX_SUBTYPE,
  UNKNOWN_REGION,
  type EventType,
  type RawEvent,
  type Verdict,
} from './event.js';
import { parseTimestamp } from './timestamp.js';

interface Rule {
  readonly reason: AnomalyReason;
  /** What is wrong, or null when the event passes. */
  readonly check: (event: RawEvent) => string | null;
}

/** The rules about one event's content, in order: the first that fails names the reason. */
const rules: readonly Rule[] = [
  {
    reason: 'missing_msisdn',
    check: ({ msisdn }) => (isText(msisdn) ? null : `msisdn is ${msisdn === '' ? 'empty' : kindOf(msisdn)}`),
  },
  {
    reason: 'unknown_event_type',
    check: ({ event_type }) => (isEventType(event_type) ? null : `event_type is ${show(event_type)}`),
  },
  {
    reason: 'invalid_duration',
    check: ({ duration_seconds }) => quantityProblem('duration_seconds', duration_seconds),
  },
  { reason: 'invalid_data_volume', check: ({ data_mb }) => quantityProblem('data_mb', data_mb) },
  { reason: 'invalid_amount', check: ({ amount }) => quantityProblem('amount', amount) },
  {
    reason: 'invalid_subtype',
    check: ({ event_subtype }) => nameProblem('event_subtype', event_subtype, MAX_SUBTYPE),
  },
  { reason: 'invalid_region', check: ({ region }) => nameProblem('region', region, MAX_REGION) },
];

/** Judges a decoded event by itself; what depends on its place in the log is judged later. */
export function validate(event: RawEvent): Verdict {
  for (const { reason, check } of rules) {
    const detail = check(event);
    if (detail !== null) return { reason, detail, event };
  }
  const eventTime = eventTimeOf(event);
  if (eventTime === null)
    return { reason: 'invalid_timestamp', detail: `timestamp is ${show(event.timestamp)}`, event };

  const type = event.event_type as EventType;
  hashText(event.event_id);
  return {
    reason: null,
    eventTime,
    typeKey: isText(event.event_subtype) ? `${type}_${storableText(event.event_subtype)}` : type,
    region: isText(event.region) ? storableText(event.region) : UNKNOWN_REGION,
    micros: microsOf(type, event),
    idHigh,
    idLow,
  };
}

/** Epoch microseconds, or null when the event has no valid timestamp. */
export function eventTimeOf({ timestamp }: RawEvent): number | null {
  const eventTime = typeof timestamp === 'string' ? parseTimestamp(timestamp) : NaN;
  return Number.isNaN(eventTime) ? null : eventTime;
}

function microsOf(type: EventType, event: RawEvent): number {
  switch (type) {
    case 'data_session':
      return toMicros(event.data_mb);
    case 'balance_recharge':
      return toMicros(event.amount);
    case 'call':
    case 'sms':
      return 0;
  }
}

const toMicros = (quantity: unknown): number =>
  typeof quantity === 'number' ? Math.round(quantity * 1e6) : 0;

/** As UTF-8, as an id stands in most records; one that has no UTF-8, with half of a surrogate pair, as it is in memory. */
function hashText(id: unknown): void {
  const text = typeof id === 'string' ? id : '';
  const bytes = Buffer.from(text, text.isWellFormed() ? 'utf8' : 'utf16le');
  hashEventId(bytes, 0, bytes.length);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const isEventType = (value: unknown): value is EventType =>
  (eventTypes as readonly unknown[]).includes(value);

function quantityProblem(field: string, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'number' && value >= 0 && value <= MAX_QUANTITY
    ? null
    : `${field} is ${show(value)}, not a number from 0 to 1e9`;
}

function nameProblem(field: string, value: unknown, max: number): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') return `${field} is ${kindOf(value)}, not a string`;
  return value.length <= max || hasAtMost(value, max) ? null : `${field} has more than ${max} characters`;
}

/** Characters are code points, as PostgreSQL counts them; a string has at most two UTF-16 units to each. */
const hasAtMost = (text: string, max: number): boolean =>
  text.length <= 2 * max && Array.from(text).length <= max;

/** A value for a person to read: short, and storable whatever it holds. */
function show(value: unknown): string {
  if (typeof value === 'string')
    return `"${storableText(value.slice(0, 60))}"${value.length > 60 ? '…' : ''}`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}
