const MICROS_PER_DAY = 86_400_000_000;
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const FIRST_YEAR = 2000;

const [DASH, DOT, COLON, PLUS, SPACE, T, Z] = [45, 46, 58, 43, 32, 84, 90];

/**
 * Parses `YYYY-MM-DDTHH:MM:SS[.fraction]` followed by `Z`, an offset `±HH:MM`, or nothing (= UTC); `T` may be a space.
 * Digits of the fraction past the sixth are cut off.
 * @returns epoch microseconds (exact: below 2^53 until the year 2255), or NaN when the text is not such a timestamp,
 *   names an impossible date, or a year before 2000
 */
export function parseTimestamp(text: string): number {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const separator = text.charCodeAt(10);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  const wellFormed =
    text.charCodeAt(4) === DASH &&
    text.charCodeAt(7) === DASH &&
    (separator === T || separator === SPACE) &&
    text.charCodeAt(13) === COLON &&
    text.charCodeAt(16) === COLON;
  // Comparisons with NaN are false, so that a missing digit fails here too.
  if (!(
    wellFormed &&
    year >= FIRST_YEAR &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(year, month)
  ))
    return NaN;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return NaN;

  let at = 19;
  let fraction = 0;
  if (text.charCodeAt(at) === DOT) {
    let unit = 100_000;
    const first = ++at;
    for (let digit; (digit = text.charCodeAt(at) - 48) >= 0 && digit <= 9; at++) {
      fraction += digit * unit;
      unit = unit > 1 ? unit / 10 : 0;
    }
    if (at === first) return NaN;
  }
  const offset = parseOffset(text, at);
  const seconds = hour * 3600 + minute * 60 + second - offset * 60;
  return daysSinceEpoch(year, month, day) * MICROS_PER_DAY + seconds * 1_000_000 + fraction;
}

/** Minutes east of UTC; NaN when what is left of the text is no offset. */
function parseOffset(text: string, at: number): number {
  const left = text.length - at;
  if (left === 0) return 0;
  const sign = text.charCodeAt(at);
  if (left === 1) return sign === Z ? 0 : NaN;
  if (left !== 6 || (sign !== PLUS && sign !== DASH) || text.charCodeAt(at + 3) !== COLON) return NaN;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, at + 4);
  if (!(hours <= 23 && minutes <= 59)) return NaN;
  return (hours * 60 + minutes) * (sign === PLUS ? 1 : -1);
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

const isLeapYear = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const daysInMonth = (year: number, month: number): number =>
  month === 2 && isLeapYear(year) ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);

/** Proleptic Gregorian calendar, for years from 2000: 10,957 days lie between 1970-01-01 and 2000-01-01. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const years = year - FIRST_YEAR;
  const leapDays = Math.ceil(years / 4) - Math.ceil(years / 100) + Math.ceil(years / 400);
  const leapDay = month > 2 && isLeapYear(year) ? 1 : 0;
  return 10_957 + years * 365 + leapDays + (DAYS_BEFORE_MONTH[month - 1] ?? 0) + leapDay + day - 1;
}
