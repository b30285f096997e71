import {
  eventTypes,
  MAX_QUANTITY,
  MAX_REGION,
  MAX_SUBTYPE,
  UNKNOWN_REGION,
  type EventType,
  type ValidEvent,
} from './event.js';
import { hashEventId, idHigh, idLow } from './event-id.js';
import { parseTimestamp } from './timestamp.js';

/**
 * The short way for events as producers write them: valid, flat, plain ASCII, without escapes or repeated fields. Reads
 * the needed fields straight from the bytes, in less time than JSON.parse takes, and with less garbage.
 * Anything else, valid or not, is left to the long way (decode, validate), which alone defines what is right:
 *
 *     readPlainEvent(bytes, start, end) is null, or equals validate(decode(bytes.subarray(start, end)).event)
 */
export function readPlainEvent(bytes: Buffer, start: number, end: number): ValidEvent | null {
  if (end - start < 2 || bytes[start] !== OPEN || bytes[end - 1] !== CLOSE) return null;
  let seen = 0;
  let eventTime = NaN;
  let type: EventType | null = null;
  let subtype = '';
  let region = '';
  let dataMb = 0;
  let amount = 0;
  let idStart = 0;
  let idEnd = 0;

  for (let at = start + 1; ; at++) {
    if (bytes[at] === SPACE) at++;
    if (bytes[at] !== QUOTE) return null;
    const keyEnd = stringEnd(bytes, at + 1);
    if (keyEnd < 0) return null;
    const field = fieldAt(bytes, at + 1, keyEnd);
    if (field !== 0 && (seen & field) !== 0) return null; // JSON.parse takes the last of two
    seen |= field;
    at = keyEnd + 1;
    if (bytes[at] !== COLON) return null;
    if (bytes[++at] === SPACE) at++;

    if (bytes[at] === QUOTE) {
      const from = at + 1;
      at = stringEnd(bytes, from);
      if (at < 0) return null;
      switch (field) {
        case 0:
          break;
        case MSISDN:
          if (at === from) return null;
          break;
        case TIMESTAMP:
          eventTime = timestampAt(bytes, from, at);
          break;
        case TYPE:
          type = typeAt(bytes, from, at);
          break;
        case SUBTYPE:
          if (at - from > MAX_SUBTYPE) return null;
          subtype = names.at(bytes, from, at);
          break;
        case REGION:
          if (at - from > MAX_REGION) return null;
          region = names.at(bytes, from, at);
          break;
        case EVENT_ID:
          idStart = from;
          idEnd = at;
          break;
        default:
          return null; // a quantity as a string
      }
      at++;
    } else if (bytes[at] === LOWER_N) {
      if (bytes[at + 1] !== 0x75 || bytes[at + 2] !== 0x6c || bytes[at + 3] !== 0x6c) return null;
      if ((field & REQUIRED) !== 0) return null;
      at += 4;
    } else {
      const numberEnd = readNumber(bytes, at);
      if (numberEnd < 0 || (field & TEXTS) !== 0) return null;
      if (field !== 0 && numberRead > MAX_QUANTITY) return null;
      if (field === DATA_MB) dataMb = numberRead;
      else if (field === AMOUNT) amount = numberRead;
      at = numberEnd;
    }
    if (bytes[at] === COMMA) continue;
    if (bytes[at] !== CLOSE || at !== end - 1) return null;
    break;
  }
  if ((seen & REQUIRED) !== REQUIRED || type === null || Number.isNaN(eventTime)) return null;
  const quantity = type === 'data_session' ? dataMb : type === 'balance_recharge' ? amount : 0;
  hashEventId(bytes, idStart, idEnd);
  return {
    reason: null,
    eventTime,
    typeKey: subtype === '' ? type : typeKey(type, subtype),
    region: region === '' ? UNKNOWN_REGION : region,
    micros: Math.round(quantity * 1e6),
    idHigh,
    idLow,
  };
}

const [OPEN, CLOSE, QUOTE, COLON, COMMA, SPACE, DOT, BACKSLASH, LOWER_N] = [
  123, 125, 34, 58, 44, 32, 46, 92, 110,
];
const [MSISDN, TYPE, TIMESTAMP, REGION, SUBTYPE, DURATION, DATA_MB, AMOUNT, EVENT_ID] = [
  1, 2, 4, 8, 16, 32, 64, 128, 256,
];
const REQUIRED = MSISDN | TYPE | TIMESTAMP;
const TEXTS = REQUIRED | REGION | SUBTYPE | EVENT_ID;
const fields = [
  ['msisdn', MSISDN],
  ['event_type', TYPE],
  ['timestamp', TIMESTAMP],
  ['region', REGION],
  ['event_subtype', SUBTYPE],
  ['duration_seconds', DURATION],
  ['data_mb', DATA_MB],
  ['amount', AMOUNT],
  ['event_id', EVENT_ID],
] as const;
/** No two of them share both the length of their names and the first letter: the place of a field here. */
const placeOf = (length: number, first: number): number => length * 128 + first;
const fieldsByPlace = Array.from(
  { length: placeOf(17, 0) },
  (): { name: Buffer; field: number } | null => null,
);
for (const [name, field] of fields)
  fieldsByPlace[placeOf(name.length, name.charCodeAt(0))] = { name: Buffer.from(name), field };

/** Bit of the field named here, 0 for one that does not matter. */
function fieldAt(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  const known = fieldsByPlace[placeOf(length, bytes[start] ?? 0)];
  return known && same(known.name, bytes, start, length) ? known.field : 0;
}

function same(name: Buffer, bytes: Buffer, start: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}

/** 1 for what stands for itself in a string: printable ASCII but quotes and backslashes. */
const plain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= SPACE && byte <= 126 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);

/** Position of the closing quote; −1 when the string is not plain ASCII. */
function stringEnd(bytes: Buffer, at: number): number {
  while (plain[bytes[at] ?? 0] === 1) at++;
  return bytes[at] === QUOTE ? at : -1;
}

/** What {@link readNumber} read last. */
let numberRead = 0;

/**
 * Reads `123` or `123.45`, of at most 15 digits: the quotient of two exact doubles is the double nearest to the text, as
 * JSON.parse gives it.
 * @returns the position after it, −1 for any other form of number
 */
function readNumber(bytes: Buffer, at: number): number {
  const start = at;
  let digits = 0;
  let scale = 1;
  let dot = -1;
  for (; ; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 48 && byte <= 57) {
      digits = digits * 10 + byte - 48;
      if (dot >= 0) scale *= 10;
    } else if (byte === DOT && dot < 0) dot = at;
    else break;
  }
  const length = at - start;
  const whole = dot < 0 ? length : dot - start;
  if (whole === 0 || length > 16 || dot === at - 1 || (whole > 1 && bytes[start] === 48)) return -1;
  numberRead = digits / scale;
  return at;
}

/** Their names are of different lengths. */
const typesByLength: { type: EventType; name: Buffer }[] = [];
for (const type of eventTypes) typesByLength[type.length] = { type, name: Buffer.from(type) };

function typeAt(bytes: Buffer, start: number, end: number): EventType | null {
  const known = typesByLength[end - start];
  return known !== undefined && same(known.name, bytes, start, end - start) ? known.type : null;
}

/** Bytes up to the minute in `2025-11-08T10:15:30.123456Z`. */
const MINUTE_LENGTH = 16;
const minute = Buffer.alloc(MINUTE_LENGTH);
let minuteMicros = NaN;

/** As parseTimestamp; consecutive events mostly share their minute, so that only the seconds are left to read. */
function timestampAt(bytes: Buffer, start: number, end: number): number {
  const usual =
    end - start === 27 && bytes[end - 1] === 90 && bytes[start + 16] === COLON && bytes[start + 19] === DOT;
  if (!usual) return parseTimestamp(bytes.toString('latin1', start, end));
  if (!same(minute, bytes, start, MINUTE_LENGTH)) {
    bytes.copy(minute, 0, start, start + MINUTE_LENGTH);
    minuteMicros = parseTimestamp(`${minute.toString('latin1')}:00Z`);
  }
  const seconds = digitsAt(bytes, start + 17, start + 19);
  return seconds <= 59 ? minuteMicros + seconds * 1_000_000 + digitsAt(bytes, start + 20, start + 26) : NaN;
}

function digitsAt(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Hands out one string for the same bytes again and again; bounded, since anybody may make up names. */
class Names {
  private readonly known = new Map<number, { bytes: Buffer; name: string }>();

  at(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    let hash = length;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
    const entry = this.known.get(hash);
    if (entry?.bytes.length === length && same(entry.bytes, bytes, start, length)) return entry.name;
    const name = bytes.toString('latin1', start, end);
    if (this.known.size >= MAX_NAMES) this.known.clear();
    this.known.set(hash, { bytes: Buffer.from(name, 'latin1'), name });
    return name;
  }
}

const MAX_NAMES = 10_000;
const names = new Names();

const typeKeys = new Map<EventType, Map<string, string>>(eventTypes.map((type) => [type, new Map()]));

function typeKey(type: EventType, subtype: string): string {
  const keys = typeKeys.get(type);
  const known = keys?.get(subtype);
  if (known !== undefined) return known;
  if (keys && keys.size >= MAX_NAMES) keys.clear();
  const key = `${type}_${subtype}`;
  keys?.set(subtype, key);
  return key;
}
