/**
 * Epoch microseconds as a timestamp literal for PostgreSQL, exact to the microsecond.
 * @param micros a whole number, from the year 1999 on
 */
export function timestampLiteral(micros: number): string {
  const millis = Math.floor(micros / 1000);
  // From the year 10000 on JavaScript writes +010000; PostgreSQL wants the bare year.
  const iso = new Date(millis).toISOString().replace(/^\+0*/, '');
  return `${iso.slice(0, -1)}${String(micros - millis * 1000).padStart(3, '0')}Z`;
}

/**
 * The UTC day that holds an instant, as a date literal for PostgreSQL.
 * @param millis epoch milliseconds, from the year 1999 on
 */
export const dateLiteral = (millis: number): string => timestampLiteral(millis * 1000).split('T', 1)[0] ?? '';
