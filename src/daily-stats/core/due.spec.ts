import { CronTime } from 'cron';
import fc from 'fast-check';
import { addDays, dayOf, endOf, parseDay, type Day } from '../../aggregation/core/day.js';
import { dueAt, missingFrom, newestDay, type NextFire } from './due.js';

/** As DailySchedule does it. */
function fires(expression: string): NextFire {
  const time = new CronTime(expression, 'UTC');
  return (after) => time.getNextDateFrom(new Date(after), 'UTC').toMillis();
}

const DEFAULT = '5 0 * * *';
const SUNDAYS = '30 4 * * 0';
const SATURDAY = parseDay('2025-11-08')!;

const at = (text: string): number => Date.parse(text);
const iso = (instant: number): string => new Date(instant).toISOString().replace(':00.000Z', 'Z');

describe('a day', () => {
  it.each([
    //  2025-11-08 │ 11-09
    //  ───────────)[00:00 ─ 00:05 due ───────── 02:00 missing
    ['the default', DEFAULT, '2025-11-09T00:05Z', '2025-11-09T02:00Z'],
    ['midnight', '0 0 * * *', '2025-11-09T00:00Z', '2025-11-09T02:00Z'],
    ['@daily', '@daily', '2025-11-09T00:00Z', '2025-11-09T02:00Z'],
    ['six fields', '0 5 0 * * *', '2025-11-09T00:05Z', '2025-11-09T02:00Z'],
    ['every minute', '* * * * *', '2025-11-09T00:00Z', '2025-11-09T02:00Z'],
    ['one o’clock', '0 1 * * *', '2025-11-09T01:00Z', '2025-11-09T02:00Z'],
    ['a minute later', '1 1 * * *', '2025-11-09T01:01Z', '2025-11-09T02:01Z'],
    //  ───────────)[00:00 ─────────────────── 03:00 due ─ 04:00 missing
    ['three o’clock', '0 3 * * *', '2025-11-09T03:00Z', '2025-11-09T04:00Z'],
    ['the end of the next day', '59 23 * * *', '2025-11-09T23:59Z', '2025-11-10T00:59Z'],
    ['each Sunday', SUNDAYS, '2025-11-09T04:30Z', '2025-11-09T05:30Z'],
    ['each Saturday', '30 4 * * 6', '2025-11-15T04:30Z', '2025-11-15T05:30Z'],
    ['the first of each month', '0 0 1 * *', '2025-12-01T00:00Z', '2025-12-01T01:00Z'],
  ])('that ends is due, and later missing, by the schedule: %s', (_, cron, due, missing) => {
    expect(iso(dueAt(SATURDAY, fires(cron)))).toBe(due);
    expect(iso(missingFrom(SATURDAY, fires(cron)))).toBe(missing);
  });

  it.each([
    ['2025-12-31', '2026-01-01T00:05Z'],
    ['2024-02-28', '2024-02-29T00:05Z'],
    ['2024-02-29', '2024-03-01T00:05Z'],
    ['2025-02-28', '2025-03-01T00:05Z'],
  ])('%s is due at %s', (day, due) => {
    expect(iso(dueAt(parseDay(day)!, fires(DEFAULT)))).toBe(due);
  });
});

describe('the newest day that is due', () => {
  const newestDue = (now: string, cron = DEFAULT): Day => newestDay(at(now), dueAt, fires(cron));

  it('is yesterday from 00:05 on', () => {
    expect(newestDue('2025-11-09T00:00:00Z')).toBe('2025-11-07');
    expect(newestDue('2025-11-09T00:04:59.999Z')).toBe('2025-11-07');
    expect(newestDue('2025-11-09T00:05:00Z')).toBe('2025-11-08');
    expect(newestDue('2025-11-09T23:59:59.999Z')).toBe('2025-11-08');
  });

  it('is yesterday at once with a schedule that fires at midnight', () => {
    expect(newestDue('2025-11-08T23:59:59.999Z', '0 0 * * *')).toBe('2025-11-07');
    expect(newestDue('2025-11-09T00:00:00Z', '0 0 * * *')).toBe('2025-11-08');
  });

  //   Sat 08 │ Sun 09 04:30 ────────── due: all up to Sat 08 ────────── Sun 16 04:30
  it('stays the same from one Sunday to the next with a weekly schedule', () => {
    expect(newestDue('2025-11-09T04:29:59Z', SUNDAYS)).toBe('2025-11-01');
    expect(newestDue('2025-11-09T04:30:00Z', SUNDAYS)).toBe('2025-11-08');
    expect(newestDue('2025-11-16T04:29:59Z', SUNDAYS)).toBe('2025-11-08');
    expect(newestDue('2025-11-16T04:30:00Z', SUNDAYS)).toBe('2025-11-15');
  });

  it('may be of the year before, with a yearly schedule', () => {
    expect(newestDue('2025-12-31T23:59:59Z', '@yearly')).toBe('2024-12-31');
    expect(newestDue('2026-01-01T00:00:00Z', '@yearly')).toBe('2025-12-31');
  });
});

describe('the newest day that is missing unless it is there', () => {
  const newestMissing = (now: string, cron = DEFAULT): Day => newestDay(at(now), missingFrom, fires(cron));

  it('is yesterday from 02:00 on', () => {
    expect(newestMissing('2025-11-09T01:59:59.999Z')).toBe('2025-11-07');
    expect(newestMissing('2025-11-09T02:00:00Z')).toBe('2025-11-08');
  });

  it('is yesterday an hour after it was due, when that is later', () => {
    expect(newestMissing('2025-11-09T03:59:59.999Z', '0 3 * * *')).toBe('2025-11-07');
    expect(newestMissing('2025-11-09T04:00:00Z', '0 3 * * *')).toBe('2025-11-08');
  });

  it('is none of the days that wait for a weekly schedule', () => {
    expect(newestMissing('2025-11-16T05:29:59Z', SUNDAYS)).toBe('2025-11-08');
    expect(newestMissing('2025-11-16T05:30:00Z', SUNDAYS)).toBe('2025-11-15');
  });
});

describe('whatever the schedule', () => {
  const schedules = fc
    .constantFrom(DEFAULT, '0 0 * * *', '0 3 * * *', '59 23 * * *', '*/20 * * * *', SUNDAYS, '0 12 1 * *')
    .map(fires);
  // cron looks for times within 8 years of the real clock.
  const instants = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2026-12-31T23:59:59.999Z') });
  const rules = fc.constantFrom(dueAt, missingFrom);

  it('no day is due before it is over, nor missing before it is due', () => {
    fc.assert(
      fc.property(schedules, instants, (nextFire, instant) => {
        const day = dayOf(instant);
        const due = dueAt(day, nextFire);
        const missing = missingFrom(day, nextFire);
        expect(due).toBeGreaterThanOrEqual(endOf(day));
        expect(missing).toBeGreaterThanOrEqual(due + 3_600_000);
        expect(missing).toBeGreaterThanOrEqual(endOf(day) + 7_200_000);
      }),
    );
  });

  it('a day is due at a time at which the schedule fires, and the first such time', () => {
    fc.assert(
      fc.property(schedules, instants, (nextFire, instant) => {
        const day = dayOf(instant);
        const due = dueAt(day, nextFire);
        expect(nextFire(due - 1000)).toBe(due);
        expect(due === endOf(day) || nextFire(endOf(day)) === due).toBe(true);
      }),
    );
  });

  it('the days before one whose time has come have come too, and those after it have not', () => {
    fc.assert(
      fc.property(schedules, rules, instants, fc.integer({ min: 1, max: 40 }), (nextFire, rule, now, n) => {
        const newest = newestDay(now, rule, nextFire);
        expect(newest < dayOf(now)).toBe(true);
        expect(rule(newest, nextFire)).toBeLessThanOrEqual(now);
        expect(rule(addDays(newest, -n), nextFire)).toBeLessThanOrEqual(now);
        expect(rule(addDays(newest, n), nextFire)).toBeGreaterThan(now);
      }),
    );
  });

  it('time never makes a day undue again', () => {
    fc.assert(
      fc.property(schedules, rules, instants, instants, (nextFire, rule, a, b) => {
        const [earlier, later] = a < b ? [a, b] : [b, a];
        expect(newestDay(earlier, rule, nextFire) <= newestDay(later, rule, nextFire)).toBe(true);
      }),
    );
  });
});
