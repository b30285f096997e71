import { parseArgs } from 'node:util';
import { addDays, daysBetween, parseDay, type Day } from '../../aggregation/core/day.js';
import { UsageError } from '../../config/usage-error.js';

/** Most days of one backfill. */
export const MAX_BACKFILL_DAYS = 366;

/** What a command line asks for. */
export interface BatchOrder {
  /** Oldest first. */
  readonly days: readonly Day[];
  /** Build days from what there is, also when the watermark has not passed them. */
  readonly force: boolean;
}

/**
 * What a command line asks for; null when that is help.
 * @param args without the names of node and the script
 * @throws UsageError
 */
export function batchOrder(args: readonly string[], today: Day): BatchOrder | null {
  const { force, help, ...options } = parse(args);
  return help ? null : { days: daysOf(options, today), force };
}

interface DayOptions {
  readonly date?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

function daysOf({ date, from, to }: DayOptions, today: Day): Day[] {
  if (date !== undefined && (from !== undefined || to !== undefined))
    throw new UsageError('--date does not go together with --from and --to');
  if (from === undefined && to === undefined)
    return [date === undefined ? addDays(today, -1) : day('date', date)];
  if (from === undefined || to === undefined) throw new UsageError('--from and --to go together');
  const [first, end] = [day('from', from), day('to', to)];
  const count = daysBetween(first, end);
  if (count <= 0) throw new UsageError('--to must be later than --from: it is the first day after the range');
  if (count > MAX_BACKFILL_DAYS)
    throw new UsageError(`a range has at most ${MAX_BACKFILL_DAYS} days, not ${count}`);
  return Array.from({ length: count }, (_, index) => addDays(first, index));
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        date: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        force: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function day(option: string, text: string): Day {
  const parsed = parseDay(text);
  if (!parsed) throw new UsageError(`--${option} must be a date such as 2025-11-08, not "${text}"`);
  return parsed;
}
