import { get, getAll, serverNow } from './api.js';
import { DayChart } from './day-chart.js';
import { setUpDay, showDay, startDay } from './day.js';
import { addDays, DAYS, placesOf } from './days.js';
import { byId, element, setText } from './dom.js';
import { formatDate, formatDay, plural, printable } from './format.js';

/** Before any event there is. */
const FIRST_DAY = '1970-01-01';
const LIMIT = 1000;

/** The day somebody has chosen; without one the newest that has daily stats. */
let chosen = null;
let places = [];
let selected = null;
let chart;
let refresh;

export async function loadDaily() {
  const today = formatDate(serverNow());
  const asked = chosen;
  const totals = await totalsUntil(today);
  const day = asked ?? totals.items.at(-1)?.statDate ?? addDays(today, -1);
  const stats = await getAll('daily-stats', { date: day, limit: LIMIT });
  const lastRun = stats.length > 0 ? null : (await get('batch/runs', { date: day, limit: 1 })).items[0];
  return { today, totals, asked, day, stats, lastRun: lastRun ?? null };
}

/** The last 30 days; when they hold nothing, the newest 30 that do. */
async function totalsUntil(today) {
  const totalsOf = (from, to) =>
    getAll('daily-stats', { from, to, type: 'total_events_count', limit: LIMIT });
  const items = await totalsOf(addDays(today, -DAYS), today);
  if (items.length > 0) return { items, to: today, isNow: true };
  const newestFirst = { from: FIRST_DAY, to: today, type: 'total_events_count', order: 'desc', limit: 1 };
  const newest = (await get('daily-stats', newestFirst)).items[0]?.statDate;
  if (newest === undefined) return { items, to: today, isNow: true };
  const to = addDays(newest, 1);
  return { items: await totalsOf(addDays(to, -DAYS), to), to, isNow: false };
}

export function showDaily({ today, totals, asked, day, stats, lastRun }) {
  places = placesOf(totals.items, totals.to);
  chart ??= new DayChart(byId('days'), {
    onSelect: (index) => {
      selected = index;
      showReadout();
    },
    onPick: (index) => chooseDay(places[index].day),
  });
  // Another day may have been chosen while this one was on its way.
  const isShown = asked === chosen;
  chart.show(places, isShown ? day : chosen);
  byId('days-empty').hidden = totals.items.length > 0;
  setText(
    byId('days-range'),
    totals.isNow ? `last ${DAYS} days` : `${DAYS} days to ${addDays(totals.to, -1)}, the newest there is`,
  );
  showReadout();
  byId('day').max = addDays(today, -1);
  if (!isShown) return;
  // Somebody may just be typing another one.
  if (asked === null && document.activeElement !== byId('day')) byId('day').value = day;
  showDay(day, stats, lastRun);
}

/** The day under pointer or focus, or all of them. */
function showReadout() {
  const place = places[selected];
  const total = place ? place.total : places.reduce((sum, one) => sum + (one.total ?? 0), 0);
  setText(byId('days-name'), place ? formatDay(place.day) : `All ${DAYS} days`);
  setText(byId('days-total'), total === null ? 'no daily stats' : plural(total, 'event'));
}

/** A link to the figures of a day, which also chooses it. */
export function dayLink(day) {
  const link = element('a', { href: '#daily', text: printable(day) });
  link.addEventListener('click', () => chooseDay(day));
  return link;
}

function chooseDay(day) {
  chosen = day;
  byId('day').value = day;
  startDay(day);
  chart?.show(places, day);
  void refresh();
}

/**
 * @param refreshDaily asks for the day at once
 * @param refreshBatch asks for the state of the batch at once
 */
export function setUpDaily(refreshDaily, refreshBatch) {
  refresh = refreshDaily;
  setUpDay(chooseDay, () => Promise.all([refreshDaily(), refreshBatch()]));
}
