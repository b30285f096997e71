import fc from 'fast-check';
import { addDays, parseDay, type Day } from '../../aggregation/core/day.js';
import { UsageError } from '../../config/usage-error.js';
import { batchOrder, MAX_BACKFILL_DAYS } from './command-line.js';

const TODAY = parseDay('2025-11-10')!;

const order = (line: string) => batchOrder(line === '' ? [] : line.split(' '), TODAY);
const daysOf = (line: string): readonly Day[] | undefined => order(line)?.days;

describe('the command line of the batch', () => {
  it('means yesterday when it says nothing', () => {
    expect(order('')).toEqual({ days: ['2025-11-09'], force: false });
    expect(batchOrder([], parseDay('2026-01-01')!)).toEqual({ days: ['2025-12-31'], force: false });
  });

  it('names one day', () => {
    expect(order('--date 2025-11-08')).toEqual({ days: ['2025-11-08'], force: false });
    expect(order('--date=2024-02-29')).toEqual({ days: ['2024-02-29'], force: false });
  });

  it('leaves it to others to say that a day is not over', () => {
    expect(daysOf('--date 2025-11-10')).toEqual(['2025-11-10']);
  });

  it('names a range, the oldest first and without its end', () => {
    expect(daysOf('--from 2025-11-01 --to 2025-11-04')).toEqual(['2025-11-01', '2025-11-02', '2025-11-03']);
    expect(daysOf('--to 2025-11-02 --from 2025-11-01')).toEqual(['2025-11-01']);
    expect(daysOf('--from 2024-02-28 --to 2024-03-01')).toEqual(['2024-02-28', '2024-02-29']);
    expect(daysOf('--from 2025-12-31 --to 2026-01-02')).toEqual(['2025-12-31', '2026-01-01']);
  });

  it('asks for force with whatever days', () => {
    expect(order('--force')).toEqual({ days: ['2025-11-09'], force: true });
    expect(order('--date 2025-11-08 --force')).toEqual({ days: ['2025-11-08'], force: true });
    expect(order('--force --from 2025-11-08 --to 2025-11-09')).toEqual({ days: ['2025-11-08'], force: true });
  });

  it.each(['--help', '-h', '--force --help', '--help --date x', '--from 2025-11-08 -h'])(
    'may be about help: %s',
    (line) => {
      expect(order(line)).toBeNull();
    },
  );

  //   2024-01-01 ──────── 366 days, for 2024 is a leap year ────────) 2025-01-01
  it('has at most 366 days', () => {
    expect(MAX_BACKFILL_DAYS).toBe(366);
    expect(daysOf('--from 2024-01-01 --to 2025-01-01')).toHaveLength(366);
    expect(() => order('--from 2024-01-01 --to 2025-01-02')).toThrow(
      new UsageError('a range has at most 366 days, not 367'),
    );
  });

  it('has as many days as lie between, each after the one before', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 1, max: MAX_BACKFILL_DAYS }), (offset, count) => {
        const from = addDays(parseDay('2000-01-01')!, offset);
        const days = daysOf(`--from ${from} --to ${addDays(from, count)}`)!;
        expect(days).toHaveLength(count);
        days.forEach((any, index) => {
          expect(any).toBe(addDays(from, index));
        });
      }),
    );
  });

  it.each([
    ['--from 2025-11-08 --to 2025-11-08', '--to must be later than --from'],
    ['--from 2025-11-08 --to 2025-11-01', '--to must be later than --from'],
    ['--from 2025-11-08', '--from and --to go together'],
    ['--to 2025-11-08', '--from and --to go together'],
    ['--date 2025-11-08 --from 2025-11-01', '--date does not go together with --from and --to'],
    ['--date 2025-11-08 --to 2025-11-09', '--date does not go together with --from and --to'],
    ['--date 2025-11-08 --from 2025-11-01 --to 2025-11-09', '--date does not go together'],
    ['--date 2025-02-29', '--date must be a date such as 2025-11-08, not "2025-02-29"'],
    ['--date 2025-11-08T00:00:00Z', '--date must be a date'],
    ['--date yesterday', '--date must be a date'],
    ['--date=', '--date must be a date such as 2025-11-08, not ""'],
    ['--from x --to 2025-11-09', '--from must be a date'],
    ['--from 2025-11-08 --to x', '--to must be a date'],
    ['--date', '--date'],
    ['--date --force', '--date'],
    ['--force=yes', '--force'],
    ['--Date 2025-11-08', '--Date'],
    ['--dry-run', '--dry-run'],
    ['2025-11-08', '2025-11-08'],
  ])('cannot be followed when it is %s', (line, message) => {
    expect(() => order(line)).toThrow(UsageError);
    expect(() => order(line)).toThrow(message);
  });
});
