/** A calendar day in UTC, `YYYY-MM-DD`; sorts as a string as it sorts in time. */
export type Day = string & { readonly __brand: 'Day' };

const DAY_MS = 86_400_000;

/** @returns null for anything but an existing date of the years 0001 to 9999 */
export function parseDay(text: string): Day | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith('0000')) return null;
  const start = Date.parse(`${text}T00:00:00Z`);
  // Date.parse lets 30 February roll over into March.
  return !Number.isNaN(start) && new Date(start).toISOString().startsWith(text) ? (text as Day) : null;
}

/** The day that holds an instant in epoch milliseconds. */
export const dayOf = (instant: number): Day => new Date(instant).toISOString().slice(0, 10) as Day;

/** First instant of the day, epoch milliseconds. */
export const startOf = (day: Day): number => Date.parse(`${day}T00:00:00Z`);

/** First instant after the day, epoch milliseconds. */
export const endOf = (day: Day): number => startOf(day) + DAY_MS;

export const addDays = (day: Day, count: number): Day => dayOf(startOf(day) + count * DAY_MS);

/** How many days lie in `[from, to)`; negative when `to` is the earlier one. */
export const daysBetween = (from: Day, to: Day): number => (startOf(to) - startOf(from)) / DAY_MS;

/** First day of the month that lies a number of months before the month of `day`. */
export function monthsBefore(day: Day, months: number): Day {
  const [year = 0, month = 0] = day.split('-').map(Number);
  // Not Date.UTC, to which the year 99 is 1999.
  return dayOf(new Date(0).setUTCFullYear(year, month - 1 - months, 1));
}
