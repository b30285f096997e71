/** From window metrics to what the charts show. Pure: no DOM, no clock. */

export const WINDOW_MS = 300_000;
export const WINDOWS = 12;

/** The event types, from the bottom of a bar to its top. */
export const TYPES = [
  { key: 'data_session', label: 'Data sessions' },
  { key: 'call', label: 'Calls' },
  { key: 'sms', label: 'SMS' },
  { key: 'balance_recharge', label: 'Recharges' },
];

/** A metric key is an event type, or an event type and a subtype: `call_incoming`. */
export const typeOf = (metricKey) =>
  TYPES.find(({ key }) => metricKey === key || metricKey.startsWith(`${key}_`))?.key;

/** The hour that ends with the window `instant` lies in. All epoch milliseconds. */
export function hourOf(instant) {
  const to = (Math.floor(instant / WINDOW_MS) + 1) * WINDOW_MS;
  return { from: to - WINDOWS * WINDOW_MS, to };
}

/**
 * One slot for each window of the hour, also for those without events.
 * @param metrics items of `GET /metrics?type=event_type_agg`
 * @returns slots `{start, end, status, late, total, gigabytes, counts}`; `status` is null where nothing was counted
 */
export function slotsOf(metrics, { from, to }) {
  const slots = [];
  for (let start = from; start < to; start += WINDOW_MS) {
    const counts = Object.fromEntries(TYPES.map(({ key }) => [key, 0]));
    slots.push({ start, end: start + WINDOW_MS, status: null, late: 0, total: 0, gigabytes: 0, counts });
  }
  for (const metric of metrics) {
    const slot = slots[(Date.parse(metric.windowStart) - from) / WINDOW_MS];
    const type = typeOf(metric.metricKey);
    if (!slot || !type) continue;
    slot.counts[type] += metric.eventCount;
    slot.total += metric.eventCount;
    slot.late += metric.lateEvents;
    if (type === 'data_session') slot.gigabytes += metric.metricValue;
    slot.status = slot.status === 'amended' ? 'amended' : metric.status;
  }
  return slots;
}

/** All slots as one: what the hour comes to. */
export function totalOf(slots) {
  const counts = Object.fromEntries(
    TYPES.map(({ key }) => [key, slots.reduce((sum, slot) => sum + slot.counts[key], 0)]),
  );
  const sum = (field) => slots.reduce((total, slot) => total + slot[field], 0);
  return { counts, total: sum('total'), gigabytes: sum('gigabytes'), late: sum('late') };
}

/**
 * Events by key, the most first; what does not fit under `more`.
 * @param metrics items of `GET /metrics?type=region_agg`
 */
export function rankingOf(metrics, places) {
  const counts = new Map();
  for (const { metricKey, eventCount } of metrics)
    counts.set(metricKey, (counts.get(metricKey) ?? 0) + eventCount);
  const ranked = [...counts]
    .map(([key, count]) => ({ key, count }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
  const total = ranked.reduce((sum, { count }) => sum + count, 0);
  if (ranked.length <= places) return { ranked, more: null, total };
  const rest = ranked.slice(places - 1);
  const more = { keys: rest.length, count: rest.reduce((sum, { count }) => sum + count, 0) };
  return { ranked: ranked.slice(0, places - 1), more, total };
}

/** The top of an axis that holds `value`, round enough that its half is a good label too. */
export function axisTop(value, least) {
  const wanted = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= wanted) ?? 10;
  return step * power;
}
