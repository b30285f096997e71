import { TOO_LATE_MARGIN_SECONDS } from './faults.js';
import { QUIETEST } from './intensity.js';
import type { RunParameters, StartRun } from '../simulator.schemas.js';

const HOUR_MS = 3_600_000;
const MONTH_MS = 30 * 24 * HOUR_MS;

/**
 * Fills in what a request leaves out. A run faster than time would soon be ahead of it, and events of the future do not
 * count; so it begins early enough to end now, or a month ago when it has no end.
 * @param now epoch milliseconds
 */
export function runParameters(request: Omit<StartRun, 'seed'>, now: number): RunParameters {
  const { totalEvents = null, durationSeconds = null, bursts = null } = request;
  const { startTime = startOf(request, now) } = request;
  return { ...request, totalEvents, durationSeconds, bursts, startTime };
}

function startOf(
  { timeScale, totalEvents, durationSeconds, ...traffic }: Omit<StartRun, 'seed'>,
  now: number,
): number {
  if (timeScale <= 1) return now;
  const longest =
    (totalEvents ?? Number.POSITIVE_INFINITY) / (traffic.eventsPerSecond * leastIntensity(traffic));
  const seconds = Math.min(durationSeconds ?? Number.POSITIVE_INFINITY, longest);
  return now - Math.min(MONTH_MS, Math.ceil(seconds * timeScale * 1000));
}

/** As a multiple of the mean. */
const leastIntensity = ({ diurnal, bursts }: Pick<StartRun, 'diurnal' | 'bursts'>): number =>
  (diurnal ? QUIETEST : 1) * Math.min(1, bursts?.factor ?? 1);

/**
 * No event of the run that counts is older. Those made to be too late count where nothing newer is in their partition yet.
 * @param maxLateness how old an event may be beside the newest, milliseconds
 * @returns epoch milliseconds
 */
export const earliestEventTime = (
  { startTime, lateRate, lateSeconds, outOfOrderSeconds, invalidRate, invalidWeights }: RunParameters,
  maxLateness: number,
): number => {
  const late = lateRate > 0 ? lateSeconds : 0;
  const isTooLate = invalidRate > 0 && (invalidWeights.too_late ?? 0) > 0;
  const tooLate = isTooLate ? maxLateness + TOO_LATE_MARGIN_SECONDS * 1000 : 0;
  // Whole windows, as the longest there are.
  return startTime - (late + outOfOrderSeconds) * 1000 - tooLate - HOUR_MS;
};
