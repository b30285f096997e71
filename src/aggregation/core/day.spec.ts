import fc from 'fast-check';
import { addDays, dayOf, daysBetween, endOf, monthsBefore, parseDay, startOf, type Day } from './day.js';

const DAY_MS = 86_400_000;
const FIRST = Date.parse('0001-01-01T00:00:00Z') / DAY_MS;
const LAST = Date.parse('9999-12-31T00:00:00Z') / DAY_MS;

/** Any day that there is, by its number since 1970. */
const dayNumber = fc.integer({ min: FIRST, max: LAST });
const toDay = (number: number): Day => dayOf(number * DAY_MS);
const anyDay = dayNumber.map(toDay);

const day = (text: string): Day => {
  const parsed = parseDay(text);
  if (!parsed) throw new Error(`${text} is no day`);
  return parsed;
};

describe('a day that comes in', () => {
  it.each([
    '2025-11-08',
    '2024-02-29',
    '2000-02-29',
    '2025-02-28',
    '2025-12-31',
    '1970-01-01',
    '0001-01-01',
    '9999-12-31',
  ])('may be %s', (text) => {
    expect(parseDay(text)).toBe(text);
  });

  it.each([
    '2025-02-29',
    '1900-02-29',
    '2100-02-29',
    '2025-02-30',
    '2025-04-31',
    '2025-00-08',
    '2025-13-08',
    '2025-11-00',
    '2025-11-32',
    '0000-01-01',
    '10000-01-01',
    '+002025-11-08',
    '-2025-11-08',
    '25-11-08',
    '2025-11-8',
    '2025-1-08',
    '20251108',
    '2025/11/08',
    '2025-11',
    '2025-W45-6',
    '2025-11-08T00:00:00Z',
    '2025-11-08 ',
    ' 2025-11-08',
    '2025-11-08\n',
    '٢٠٢٥-11-08',
    'yesterday',
    'x',
    '',
  ])('is not %j', (text) => {
    expect(parseDay(text)).toBeNull();
  });

  it('is every day there is, and comes out as it was', () => {
    fc.assert(
      fc.property(anyDay, (any) => {
        expect(parseDay(any)).toBe(any);
      }),
    );
  });

  it('is nothing that is no date, whatever its numbers', () => {
    const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9999 }), two(19), two(39), (year, month, dayOfMonth) => {
        const text = `${String(year).padStart(4, '0')}-${month}-${dayOfMonth}`;
        const date = new Date(Date.UTC(2000, Number(month) - 1, Number(dayOfMonth)));
        date.setUTCFullYear(year, Number(month) - 1, Number(dayOfMonth));
        const exists = date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(dayOfMonth);
        expect(parseDay(text)).toBe(exists ? text : null);
      }),
    );
  });
});

describe('the day of an instant', () => {
  //   2025-11-08      2025-11-09
  //   [───────────────)[──────────
  it('begins at midnight in UTC and ends before the next one', () => {
    const midnight = Date.parse('2025-11-09T00:00:00Z');
    expect(dayOf(midnight - 1)).toBe('2025-11-08');
    expect(dayOf(midnight)).toBe('2025-11-09');
    expect(startOf(day('2025-11-09'))).toBe(midnight);
    expect(endOf(day('2025-11-08'))).toBe(midnight);
  });

  it('is told for instants before 1970 too', () => {
    expect(dayOf(-1)).toBe('1969-12-31');
    expect(dayOf(0)).toBe('1970-01-01');
  });

  it('is the one day that holds it', () => {
    const instant = fc.integer({ min: FIRST * DAY_MS, max: (LAST + 1) * DAY_MS - 1 });
    fc.assert(
      fc.property(instant, (any) => {
        const holder = dayOf(any);
        expect(startOf(holder) <= any && any < endOf(holder)).toBe(true);
      }),
    );
  });

  it('sorts as a string as it sorts in time', () => {
    fc.assert(
      fc.property(dayNumber, dayNumber, (a, b) => {
        expect(toDay(a) < toDay(b)).toBe(a < b);
      }),
    );
  });
});

describe('adding days', () => {
  it.each([
    ['2025-12-31', 1, '2026-01-01'],
    ['2026-01-01', -1, '2025-12-31'],
    ['2024-02-28', 1, '2024-02-29'],
    ['2024-02-29', 1, '2024-03-01'],
    ['2025-02-28', 1, '2025-03-01'],
    ['2024-02-29', 366, '2025-03-01'],
    ['2024-01-01', 366, '2025-01-01'],
    ['2025-01-01', 365, '2026-01-01'],
    ['2025-11-08', 0, '2025-11-08'],
  ])('%s and %i days are %s', (from, count, expected) => {
    expect(addDays(day(from), count)).toBe(expected);
    expect(daysBetween(day(from), day(expected))).toBe(count);
  });

  it('is the inverse of counting the days between', () => {
    fc.assert(
      fc.property(anyDay, anyDay, (from, to) => {
        const count = daysBetween(from, to);
        expect(Number.isInteger(count)).toBe(true);
        expect(addDays(from, count)).toBe(to);
        expect(addDays(to, -count)).toBe(from);
      }),
    );
  });

  it('adds up', () => {
    const some = fc.integer({ min: -100_000, max: 100_000 });
    fc.assert(
      fc.property(anyDay, some, some, (from, a, b) => {
        fc.pre(daysBetween(toDay(FIRST), from) + Math.min(a, a + b) >= 0);
        fc.pre(daysBetween(from, toDay(LAST)) - Math.max(a, a + b) >= 0);
        expect(addDays(addDays(from, a), b)).toBe(addDays(from, a + b));
        expect(daysBetween(from, addDays(from, a))).toBe(a);
      }),
    );
  });
});

describe('going back by months', () => {
  it.each([
    ['2025-11-08', 0, '2025-11-01'],
    ['2025-11-01', 0, '2025-11-01'],
    ['2025-03-31', 1, '2025-02-01'],
    ['2024-03-31', 1, '2024-02-01'],
    ['2025-01-15', 1, '2024-12-01'],
    ['2025-12-31', 12, '2024-12-01'],
    ['2024-02-29', 12, '2023-02-01'],
    ['2025-11-08', 23, '2023-12-01'],
    ['2025-11-08', 1200, '1925-11-01'],
  ])('from %s, %i months, comes to %s', (from, months, expected) => {
    expect(monthsBefore(day(from), months)).toBe(expected);
  });

  it('comes to the first day of the month that is so many months earlier', () => {
    // As far back as DAILY_STATS_RETENTION_MONTHS reaches, from any day that a clock may show.
    const clockDay = fc.integer({ min: 0, max: LAST }).map(toDay);
    const monthNumber = (text: Day): number => Number(text.slice(0, 4)) * 12 + Number(text.slice(5, 7));
    fc.assert(
      fc.property(clockDay, fc.nat(600), fc.nat(600), (from, a, b) => {
        const first = monthsBefore(from, a);
        expect(first.slice(8)).toBe('01');
        expect(monthNumber(from) - monthNumber(first)).toBe(a);
        expect(monthsBefore(first, b)).toBe(monthsBefore(from, a + b));
      }),
    );
  });
});
