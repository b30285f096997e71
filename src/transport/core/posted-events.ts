import { isUtf8 } from 'node:buffer';
import type { OutgoingEvent } from '../event-publisher.js';
import { splitJsonArray, trimJson } from './split-json-array.js';

const LINE_FEED = 0x0a;
const EMPTY = Buffer.alloc(0);

/** Longer ones are no subscriber number; the event goes where it likes. */
const MAX_KEY_LENGTH = 100;

/**
 * The events of a JSON body: the elements of an array, or the one value that it is, each with the bytes it came in.
 * @returns null when the body is not JSON in UTF-8
 */
export function eventsOfJson(body: Buffer): OutgoingEvent[] | null {
  const parsed = parse(body);
  if (parsed === undefined) return null;
  if (!Array.isArray(parsed)) return [{ key: keyOf(parsed), value: trimJson(body) }];
  return splitJsonArray(body).map((value, index) => ({ key: keyOf(parsed[index]), value }));
}

/**
 * The events of a body with an event a line, of any bytes. An empty line is an empty record; the line break at the very
 * end may be there or not.
 */
export function eventsOfLines(body: Buffer): OutgoingEvent[] {
  const events: OutgoingEvent[] = [];
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(LINE_FEED, start);
    const end = found === -1 ? body.length : found;
    const value = end === start ? EMPTY : body.subarray(start, end);
    events.push({ key: keyOf(parse(value)), value });
    start = end + 1;
  }
  return events;
}

/** @returns undefined for what is not JSON */
function parse(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Events of one subscriber stay in order: they share a key, and so a partition. */
function keyOf(event: unknown): string | null {
  if (typeof event !== 'object' || event === null || !('msisdn' in event)) return null;
  const { msisdn } = event;
  return typeof msisdn === 'string' && msisdn !== '' && msisdn.length <= MAX_KEY_LENGTH ? msisdn : null;
}
