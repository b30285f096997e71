import { addDays, dayOf, endOf, type Day } from '../../aggregation/core/day.js';

/** The first time a schedule fires after an instant; both in epoch milliseconds. */
export type NextFire = (after: number) => number;

const HOUR_MS = 3_600_000;

/** When the day is to be built: the first time the schedule fires once the day is over. Epoch milliseconds. */
export const dueAt = (day: Day, nextFire: NextFire): number => nextFire(endOf(day) - 1);

/** From when on a day without daily stats is called missing: 02:00 UTC, or an hour after it was due if that is later. */
export const missingFrom = (day: Day, nextFire: NextFire): number =>
  Math.max(endOf(day) + 2 * HOUR_MS, dueAt(day, nextFire) + HOUR_MS);

/** Longest time between two fires, in days, see DAILY_BATCH_CRON; and the days of its own a rule may add. */
const FARTHEST = 366 + 3;

/** The newest day whose time has come by `now`, by one of the two rules above; those before it have come too. */
export function newestDay(
  now: number,
  comesAt: (day: Day, nextFire: NextFire) => number,
  nextFire: NextFire,
): Day {
  const today = dayOf(now);
  const hasCome = (daysAgo: number): boolean => comesAt(addDays(today, -daysAgo), nextFire) <= now;
  if (hasCome(1)) return addDays(today, -1);
  // Asking a schedule is slow, so no day is asked that need not be.
  let [come, ahead] = [FARTHEST, 1];
  while (come - ahead > 1) {
    const middle = Math.floor((come + ahead) / 2);
    if (hasCome(middle)) come = middle;
    else ahead = middle;
  }
  return addDays(today, -come);
}
