/** How numbers, times and foreign text are written. No DOM and no clock in here. */

const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumSignificantDigits: 3 });
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long', timeZone: 'UTC' });

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const NONE = '–';

/** `1,234,567`. @param value a number, or an offset as decimal text, which may be larger than a double holds */
export function formatCount(value) {
  if (value === null || value === undefined) return NONE;
  if (typeof value === 'string')
    return /^-?\d+$/.test(value) ? whole.format(BigInt(value)) : printable(value);
  return whole.format(value);
}

/** With decimals where there would be few digits otherwise: `0.25`, `3.2`, `71.3`, `1,234`. */
export function formatAmount(value) {
  if (value === null || value === undefined) return NONE;
  const size = Math.abs(value);
  const digits = size === 0 || size >= 1000 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `1.2K`, for axes. */
export const formatCompact = (value) => compact.format(value);

/** `2.5%`. @param share from 0 to 1 */
export const formatShare = (share) =>
  share.toLocaleString('en-GB', { style: 'percent', maximumFractionDigits: share < 0.1 ? 1 : 0 });

/** `10:15:04` of the same UTC day as `now`, `2025-11-08 10:15:04` of another. */
export function formatTime(instant, now) {
  const ms = toMs(instant);
  if (ms === null) return NONE;
  const [date, time] = utcParts(ms);
  return date === utcParts(now)[0] ? time : `${date} ${time}`;
}

/** `10:15`. @param ms epoch milliseconds */
export const formatHourMinute = (ms) => utcParts(ms)[1].slice(0, 5);

/** `2025-11-08`. @param ms epoch milliseconds */
export const formatDate = (ms) => utcParts(ms)[0];

/** `2025-11-08, Saturday`. @param day `2025-11-08` */
export const formatDay = (day) => `${day}, ${weekday.format(Date.parse(day))}`;

/** `0.4 s`, `12 s`, `3 min 04 s`, `5 h 12 min`, `3 d 4 h`. */
export function formatDuration(ms) {
  const size = Math.max(0, ms);
  if (size < 10 * SECOND) return `${(size / SECOND).toFixed(1)} s`;
  if (size < MINUTE) return `${Math.floor(size / SECOND)} s`;
  if (size < HOUR) return `${Math.floor(size / MINUTE)} min ${pad(((size % HOUR) % MINUTE) / SECOND)} s`;
  if (size < DAY) return `${Math.floor(size / HOUR)} h ${pad((size % HOUR) / MINUTE)} min`;
  return `${whole.format(Math.floor(size / DAY))} d ${Math.floor((size % DAY) / HOUR)} h`;
}

/** `1 partition`, `2 partitions`. */
export const plural = (count, noun) => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/**
 * Text from elsewhere with everything that is not seen, or that turns text around, written out: `⟨U+202E⟩`.
 * @param keep characters to leave as they are, such as line ends
 */
export const printable = (text, keep = '') =>
  String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, (character) =>
    keep.includes(character)
      ? character
      : `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );

/** As Kafka's own tools write it: topic-partition@offset. */
export const placeText = ({ topic, partition, offset }) =>
  `${printable(topic)}-${partition}@${printable(offset)}`;

/** Epoch milliseconds of an ISO 8601 instant; null when there is none. */
export function toMs(instant) {
  const ms = typeof instant === 'number' ? instant : Date.parse(instant ?? '');
  return Number.isNaN(ms) ? null : ms;
}

const pad = (value) => String(Math.floor(value)).padStart(2, '0');

const utcParts = (ms) => new Date(ms).toISOString().slice(0, 19).split('T');
