import { QUIETEST } from './intensity.js';
import type { RunParameters, StartRun } from '../simulator.schemas.js';

const DAY_MS = 86_400_000;
const MONTH_MS = 30 * DAY_MS;

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
 * No event of the run that counts is older. Broken ones may be too late by {@link DAY_MS} or so: they count where nothing newer is
 * in their partition yet.
 * @param maxLateness how old an event may be beside the newest, milliseconds
 * @returns epoch milliseconds
 */
export const earliestEventTime = (
  { startTime, lateSeconds, outOfOrderSeconds }: RunParameters,
  maxLateness: number,
): number => startTime - (lateSeconds + 2 * outOfOrderSeconds) * 1000 - maxLateness - 2 * DAY_MS;
