// @ts-check
import { isUtf8 } from 'node:buffer';

/*
 * The rules about the content of a record, written from their description alone: docs/architecture.md, "The way of an event" and
 * "Decisions". No line of the pipeline is used, on purpose: a fault of the one is not one of the other.
 */

/**
 * An event whose content is right.
 * @typedef {object} Event
 * @property {number} time epoch microseconds
 * @property {string} typeKey
 * @property {string} region
 * @property {number} micros what it measures, × 1e6
 * @property {string | null} id null when it has none that can be compared
 */

const EVENT_TYPES = ['data_session', 'call', 'sms', 'balance_recharge'];
const MOST = 1e9;

/**
 * @param {Buffer | null} value
 * @param {number} maxEventBytes
 * @returns {string | Event} why it is bad, or what it says
 */
export function readContent(value, maxEventBytes) {
  if (value === null) return 'malformed_json';
  if (value.length > maxEventBytes) return 'oversized';
  const event = parse(value);
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return 'malformed_json';

  const { event_id, msisdn, event_type, duration_seconds, data_mb, amount, event_subtype, region } = event;
  if (typeof msisdn !== 'string' || msisdn === '') return 'missing_msisdn';
  if (!EVENT_TYPES.includes(event_type)) return 'unknown_event_type';
  if (!isQuantity(duration_seconds)) return 'invalid_duration';
  if (!isQuantity(data_mb)) return 'invalid_data_volume';
  if (!isQuantity(amount)) return 'invalid_amount';
  if (!isName(event_subtype, 50)) return 'invalid_subtype';
  if (!isName(region, 100)) return 'invalid_region';
  const time = microsOf(event.timestamp);
  if (time === null) return 'invalid_timestamp';

  const measured =
    event_type === 'data_session' ? data_mb : event_type === 'balance_recharge' ? amount : null;
  return {
    time,
    typeKey: event_subtype ? `${event_type}_${storable(event_subtype)}` : event_type,
    region: region ? storable(region) : 'unknown',
    micros: Math.round((measured ?? 0) * 1e6),
    id: typeof event_id === 'string' && event_id !== '' ? event_id : null,
  };
}

/**
 * @param {Buffer} value
 * @returns {any} undefined when it is not JSON
 */
function parse(value) {
  if (!isUtf8(value)) return undefined;
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** @param {unknown} value */
const isQuantity = (value) =>
  value === undefined || value === null || (typeof value === 'number' && value >= 0 && value <= MOST);

/**
 * @param {unknown} value
 * @param {number} most characters, which are code points
 */
function isName(value, most) {
  if (value === undefined || value === null) return true;
  if (typeof value !== 'string') return false;
  return value.length <= most || (value.length <= 2 * most && [...value].length <= most);
}

/**
 * What PostgreSQL cannot hold becomes U+FFFD.
 * @param {string} name
 */
const storable = (name) =>
  /[\0\ud800-\udfff]/.test(name) ? Buffer.from(name).toString().replaceAll('\0', '\ufffd') : name;

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))?$/;

/**
 * @param {unknown} text
 * @returns {number | null} epoch microseconds
 */
function microsOf(text) {
  const parts = typeof text === 'string' ? TIMESTAMP.exec(text) : null;
  if (!parts) return null;
  const [, date = '', hour, minute, second, fraction = '', sign, eastHours = 0, eastMinutes = 0] = parts;
  const midnight = midnightOf(date);
  if (Number.isNaN(midnight)) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  if (Number(eastHours) > 23 || Number(eastMinutes) > 59) return null;
  const east = (Number(eastHours) * 60 + Number(eastMinutes)) * (sign === '-' ? -1 : 1);
  const seconds = midnight / 1000 + Number(hour) * 3600 + (Number(minute) - east) * 60 + Number(second);
  return seconds * 1e6 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

/** A log has few days, and a date is read some hundred times as fast from here. @type {Map<string, number>} */
const midnights = new Map();

/**
 * @param {string} date `YYYY-MM-DD`
 * @returns {number} epoch milliseconds; NaN when there is no such day since 2000
 */
function midnightOf(date) {
  const known = midnights.get(date);
  if (known !== undefined) return known;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // Some engines take 30 February for 1 or 2 March.
  const isDay =
    date >= '2000' && !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
  const answer = isDay ? midnight : NaN;
  if (midnights.size < 10_000) midnights.set(date, answer);
  return answer;
}
