/**
 * An instant in one fixed form, `YYYY-MM-DDTHH:MM:SS.ffffffZ`: comparing two as strings compares them in time,
 * and PostgreSQL keeps all six digits, which a `Date` would not.
 */
export type Instant = string & { readonly __brand: 'Instant' };

// In a query string the '+' of an offset arrives as a space unless it was percent-encoded.
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:Z|([+\- ])(\d{2}):?(\d{2}))?)?$/i;

/**
 * Reads ISO 8601: with `Z`, with an offset, or without either (then it is UTC); a bare date is its midnight in UTC.
 * @returns null when it is not such a text or no such time exists (30 February, 25:00, offsets beyond ±23:59)
 */
export function parseInstant(text: string): Instant | null {
  const match = ISO.exec(text);
  if (!match) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', sign, offH, offM] =
    match;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const epoch = Date.parse(`${local}Z`);
  // Date.parse lets 24:00:00 and, for some days, 30 February roll over into the next day.
  if (Number.isNaN(epoch) || new Date(epoch).toISOString().slice(0, 19) !== local) return null;
  if (Number(offH ?? 0) > 23 || Number(offM ?? 0) > 59) return null;
  const offset = (Number(offH ?? 0) * 60 + Number(offM ?? 0)) * (sign === '-' ? -1 : 1);
  const utc = new Date(epoch - offset * 60_000).toISOString();
  // Years outside 0001–9999 have no place in the fixed form, and PostgreSQL knows no year 0.
  if (!/^\d{4}-/.test(utc) || utc.startsWith('0000')) return null;
  return `${utc.slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z` as Instant;
}

/** True for a text in the fixed form of {@link Instant}. */
export const isInstant = (value: unknown): value is Instant =>
  typeof value === 'string' && value.length === 27 && parseInstant(value) === value;

/** `2025-11-08T22:30:00Z`, and with milliseconds where there are any. */
export const formatInstant = (date: Date): string => date.toISOString().replace('.000Z', 'Z');

/**
 * The same from PostgreSQL's text of a timestamptz in a session in UTC, `2025-11-08 22:30:00.123456+00`: for lists of many, in
 * which making a Date and a text of it again takes most of the time.
 */
export function instantOfText(text: string): string {
  const millis = text.length > 22 ? text.slice(19, -3).slice(0, 4).padEnd(4, '0') : '';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}${millis === '.000' ? '' : millis}Z`;
}

/** {@link formatInstant}, for what may be missing. */
export const formatOptionalInstant = (date: Date | null): string | null =>
  date ? formatInstant(date) : null;
