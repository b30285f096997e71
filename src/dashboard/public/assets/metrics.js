import { getAll, serverNow } from './api.js';
import { showRanking } from './bars.js';
import { WindowChart } from './chart.js';
import { byId, element, setText, show } from './dom.js';
import { formatAmount, formatCount, formatDate, formatHourMinute } from './format.js';
import { hourOf, rankingOf, slotsOf, totalOf, TYPES } from './windows.js';

const REGION_WINDOW_MS = 600_000;
const REGIONS = 6;
const UNKNOWN = { counts: {}, total: null, gigabytes: null, late: 0 };

/** The last hour; when it holds nothing, the newest hour that does. */
export async function loadMetrics() {
  const now = hourOf(serverNow());
  const windows = await windowsOf(now);
  if (windows.length > 0) return { hour: now, isNow: true, windows, regions: await regionsOf(now) };
  const keys = await getAll('metrics/keys', { type: 'event_type_agg', limit: 1000 });
  if (keys.length === 0) return { hour: now, isNow: true, windows, regions: [] };
  const newest = hourOf(Math.max(...keys.map(({ lastWindowStart }) => Date.parse(lastWindowStart))));
  return { hour: newest, isNow: false, windows: await windowsOf(newest), regions: await regionsOf(newest) };
}

const windowsOf = ({ from, to }) => metricsOf('event_type_agg', from, to);

const regionsOf = ({ from, to }) =>
  metricsOf('region_agg', Math.floor(from / REGION_WINDOW_MS) * REGION_WINDOW_MS, to);

const metricsOf = (type, from, to) =>
  getAll('metrics', {
    type,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    limit: 1000,
  });

let slots = [];
let selected = null;
let chart;

// The legend takes its room before the first values are there.
showReadout();

export function showMetrics({ hour, isNow, windows, regions }) {
  slots = slotsOf(windows, hour);
  chart ??= new WindowChart(byId('chart'), (index) => {
    selected = index;
    showReadout();
  });
  chart.show(slots);
  byId('windows-empty').hidden = windows.length > 0;
  setText(byId('windows-range'), rangeText(hour, isNow));
  showReadout();
  showRanking(byId('regions'), rankingOf(regions, REGIONS), () => 'region');
  byId('regions-empty').hidden = regions.length > 0;
}

function rangeText({ from, to }, isNow) {
  const range = `${formatHourMinute(from)} to ${formatHourMinute(to)} UTC`;
  return isNow ? `last hour, ${range}` : `newest hour with events: ${formatDate(from)}, ${range}`;
}

/** The values of the window under pointer or focus, or of the whole hour. */
function showReadout() {
  const slot = slots[selected];
  const values = slot ?? (slots.length === 0 ? UNKNOWN : totalOf(slots));
  setText(byId('readout-title'), slot ? windowText(slot) : 'Whole hour');
  const late = values.late > 0 ? `, ${formatCount(values.late)} late` : '';
  setText(byId('readout-total'), `${formatCount(values.total)} events${late}`);
  const entries = [
    ...TYPES.map(({ key, label }) => ({ key, label, value: formatCount(values.counts[key]) })),
    { key: 'gigabytes', label: 'Data volume', value: `${formatAmount(values.gigabytes)} GB` },
  ];
  show(byId('legend'), entries, {
    key: ({ key }) => key,
    create: ({ key, label }) =>
      element(
        'li',
        {},
        element('i', { class: `swatch ${key}`, 'aria-hidden': 'true' }),
        element('span', { text: label }),
        element('b'),
      ),
    update: (node, { value }) => setText(node.lastChild, value),
  });
}

const windowText = ({ start, end, status }) =>
  `${formatHourMinute(start)} to ${formatHourMinute(end)} UTC, ${status ?? 'no events'}`;
