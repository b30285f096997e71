/** From daily stats to what the page shows. Pure: no DOM, no clock. Days are texts, `2025-11-08`, in UTC. */

import { formatDate } from './format.js';
import { rankingOf } from './windows.js';

export const DAYS = 30;

const DAY_MS = 86_400_000;

export const addDays = (day, count) => formatDate(Date.parse(day) + count * DAY_MS);

/**
 * The 30 days before `to`.
 * @param totals items of `GET /daily-stats?type=total_events_count`
 * @returns places `{day, total}`; `total` is null where there are no daily stats
 */
export function placesOf(totals, to) {
  const byDay = new Map(totals.map(({ statDate, metricValue }) => [statDate, metricValue]));
  return Array.from({ length: DAYS }, (_, index) => {
    const day = addDays(to, index - DAYS);
    return { day, total: byDay.get(day) ?? null };
  });
}

/**
 * What a day comes to. A metric without a row is one of which there was nothing.
 * @param stats items of `GET /daily-stats?date=`
 */
export function figuresOf(stats) {
  const sum = (type) => ofType(stats, type).reduce((total, { metricValue }) => total + metricValue, 0);
  return {
    events: sum('total_events_count'),
    gigabytes: sum('data_volume_gb'),
    recharged: sum('recharge_amount'),
    anomalies: sum('anomalies_count'),
  };
}

/** Events by key, see `rankingOf`. @param type `region_total_events` or `event_type_total_events` */
export const countsOf = (stats, type, places) =>
  rankingOf(
    ofType(stats, type).map(({ metricKey, metricValue }) => ({ metricKey, eventCount: metricValue })),
    places,
  );

const ofType = (stats, type) => stats.filter(({ metricType }) => metricType === type);
