import { TOO_LATE_MARGIN_SECONDS } from './faults.js';
import { QUIETEST } from './intensity.js';
import type { RunParameters, StartRun } from '../simulator.schemas.js';

const HOUR_MS = 3_600_000;
const MONTH_MS = 30 * 24 * HOUR_MS;

/**
 * Fills in what a request leaves out. A run faster than time would soon be ahead of it, and events of the future do not
 * count; so it begins early enough to end now, or a month ago when it has no end.
 * @param now epoch milliseconds
 * @param paced false: all of it is sent at once, so that every run is faster than time
 */
export function runParameters(request: Omit<StartRun, 'seed'>, now: number, paced = true): RunParameters {
  const { totalEvents = null, durationSeconds = null, bursts = null } = request;
  const { startTime = paced && request.timeScale <= 1 ? now : startOf(request, now) } = request;
  return { ...request, totalEvents, durationSeconds, bursts, startTime };
}

/** Of a run that is faster than time. */
function startOf(
  { timeScale, totalEvents, durationSeconds, ...traffic }: Omit<StartRun, 'seed'>,
  now: number,
): number {
  const longest =
    (totalEvents ?? Number.POSITIVE_INFINITY) / (traffic.eventsPerSecond * leastIntensity(traffic));
  const seconds = Math.min(durationSeconds ?? Number.POSITIVE_INFINITY, longest);
  return now - Math.min(MONTH_MS, Math.ceil(seconds * timeScale * 1000));
}

/** How many events a run will have, about: the mean of its traffic for as long as it lasts. Null when it has no end. */
export function expectedEvents({
  eventsPerSecond,
  bursts,
  totalEvents,
  durationSeconds,
}: Pick<RunParameters, 'eventsPerSecond' | 'bursts' | 'totalEvents' | 'durationSeconds'>): number | null {
  if (durationSeconds === null) return totalEvents;
  const share = bursts ? bursts.durationSeconds / bursts.everySeconds : 0;
  const events = Math.round(eventsPerSecond * durationSeconds * (1 - share + share * (bursts?.factor ?? 1)));
  return Math.min(events, totalEvents ?? events);
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
