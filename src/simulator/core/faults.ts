import { formatTimestamp, render, type TelecomEvent } from './telecom-event.js';

/** The reasons for which the pipeline rejects a record whatever else is in the log: each can be made, one at a time. */
export const faultReasons = [
  'oversized',
  'malformed_json',
  'missing_msisdn',
  'unknown_event_type',
  'invalid_duration',
  'invalid_data_volume',
  'invalid_amount',
  'invalid_subtype',
  'invalid_region',
  'invalid_timestamp',
  'future_timestamp',
] as const;

export type FaultReason = (typeof faultReasons)[number];

/**
 * Why an event shall be rejected: by its content, or `too_late`, which moves its time and leaves its content whole. Not
 * `late_event`: it depends on how the pipeline treats late events, and those come by `lateRate`.
 */
export const invalidReasons = [...faultReasons, 'too_late'] as const;

export type InvalidReason = (typeof invalidReasons)[number];

/** By how much those that come too late do so: a partition's newest event may be out of order by a day. */
export const TOO_LATE_MARGIN_SECONDS = 2 * 86_400;

/** Writes an event down broken in one way; null is a tombstone. Larger records than `maxEventBytes` are `oversized`. */
export type Fault = (event: TelecomEvent, maxEventBytes: number) => Buffer | null;

const SECOND = 1e6;
const YEAR = 365.25 * 86_400 * SECOND;

/** Values that are no number from 0 to 1e9. `1e400` is JSON, but no finite number. */
const notAMeasure = ['-1', '-0.5', '1000000001', '1e400', '"60"', '""', 'true', '[60]', '{"value": 60}'];

/**
 * Every way to break an event, by the reason it must be rejected for. Each breaks one rule only, so the first rule that
 * fails is the one meant.
 */
export const faults: Readonly<Record<FaultReason, readonly Fault[]>> = {
  oversized: [
    // White space after the event: JSON allows it, and it compresses to nearly nothing.
    (event, maxEventBytes) => padded(render(event), ' ', '', maxEventBytes + 1),
    (event, maxEventBytes) =>
      padded(`${render(event).slice(0, -1)}, "comment": "`, 'x', '"}', maxEventBytes + 1000),
  ],
  malformed_json: [
    () => null,
    () => Buffer.alloc(0),
    () => Buffer.from('not json'),
    () => Buffer.from('null'),
    // Cut off, as by a producer that died while it was writing.
    (event) => Buffer.from(render(event).slice(0, -20)),
    (event) => Buffer.from(`[${render(event)}]`),
    (event) => Buffer.from(`${render(event)}}`),
    (event) => Buffer.from(JSON.stringify(render(event))),
    (event) => Buffer.from(render(event).replaceAll('"', "'")),
    // Python's json.dumps writes NaN, which is not JSON.
    (event) => set(event, 'data_mb', 'NaN'),
    // 0xff never occurs in UTF-8.
    (event) => Buffer.from(withField(event, 'region', '"\u00ff"'), 'latin1'),
  ],
  missing_msisdn: [
    (event) => remove(event, 'msisdn'),
    ...setTo('msisdn', 'null', '""', '77012345678', 'true', '["77012345678"]'),
  ],
  unknown_event_type: [
    (event) => remove(event, 'event_type'),
    ...setTo('event_type', 'null', '"mms"', '""', '"CALL"', '" call"', '4', '["call"]'),
  ],
  invalid_duration: setTo('duration_seconds', ...notAMeasure),
  invalid_data_volume: setTo('data_mb', ...notAMeasure),
  invalid_amount: setTo('amount', ...notAMeasure),
  invalid_subtype: setTo('event_subtype', '1', 'false', '["incoming"]', '{}', `"${'x'.repeat(51)}"`),
  invalid_region: setTo('region', '4', 'true', '["Almaty"]', '{"name": "Almaty"}', `"${'x'.repeat(101)}"`),
  invalid_timestamp: [
    (event) => remove(event, 'timestamp'),
    ...setTo('timestamp', 'null', '""', '"yesterday"', '"2025-02-30T10:00:00Z"', '"1999-12-31T23:59:59Z"'),
    ...setTo('timestamp', '"08.11.2025 10:15:30"', '"2025-11-08T25:00:00Z"', '"2025-11-08T10:15:30 UTC"'),
    (event) => set(event, 'timestamp', String(Math.floor(event.eventTime / SECOND))),
    (event) => set(event, 'timestamp', `"${formatTimestamp(event.eventTime).slice(0, 10)}"`),
  ],
  // Ahead of the record's time, which is not that of the event: a run may be of long ago, and an event may wait for the log.
  future_timestamp: [100, 120, 150].map(
    (years) => (event) => set(event, 'timestamp', `"${formatTimestamp(event.eventTime + years * YEAR)}"`),
  ),
};

/** As UTF-8, with so many fillers between that it comes to this many bytes. Filling is as fast as copying kept padding. */
function padded(start: string, filler: string, end: string, bytes: number): Buffer {
  const content = Buffer.byteLength(start) + end.length;
  const record = Buffer.alloc(Math.max(bytes, content), filler);
  record.write(start);
  record.write(end, record.length - end.length);
  return record;
}

const set = (event: TelecomEvent, field: string, json: string): Buffer =>
  Buffer.from(withField(event, field, json));

function setTo(field: string, ...values: readonly string[]): Fault[] {
  return values.map((json) => (event) => set(event, field, json));
}

const remove = (event: TelecomEvent, field: string): Buffer =>
  Buffer.from(`{${fieldsOf(event, field).others.join(', ')}}`);

/** The record with this field's value replaced, or the field added at the end. */
function withField(event: TelecomEvent, field: string, json: string): string {
  const { others, index } = fieldsOf(event, field);
  return `{${others.toSpliced(index, 0, `"${field}": ${json}`).join(', ')}}`;
}

/** All other fields of the record, each as `"name": value`, and where among them this one is, or would be. */
function fieldsOf(event: TelecomEvent, field: string): { others: string[]; index: number } {
  // No value of a whole event holds a comma.
  const all = render(event).slice(1, -1).split(', ');
  const isOther = (text: string): boolean => !text.startsWith(`"${field}": `);
  const index = all.findIndex((text) => !isOther(text));
  return { others: all.filter(isOther), index: index < 0 ? all.length : index };
}
