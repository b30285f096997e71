import { get, serverNow } from './api.js';
import { openAnomaly } from './anomaly-dialog.js';
import { showBars } from './bars.js';
import { byId, element, setAttributes, setText, show } from './dom.js';
import { formatCount, formatTime, placeText, printable } from './format.js';

const DAY_MS = 86_400_000;
const NEWEST = 10;
const STATUSES = ['new', 'replayed', 'discarded'];
const TONES = { new: 'warn', replayed: 'good', discarded: 'quiet' };

export async function loadAnomalies() {
  const from = new Date(serverNow() - DAY_MS).toISOString();
  const [summary, newest] = await Promise.all([
    get('anomalies/summary', { from }),
    get('anomalies', { limit: NEWEST }),
  ]);
  return { counts: summary.items, newest: newest.items };
}

export function showAnomalies({ counts, newest }) {
  showReasons(counts);
  byId('anomalies-empty').hidden = newest.length > 0;
  show(byId('anomalies'), newest, { key: ({ id }) => id, create: createRow, update: fillRow });
}

function showReasons(counts) {
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const bars = [...new Set(counts.map(({ reason }) => reason))].map((reason) => {
    const parts = STATUSES.map((name) => ({
      name,
      count: counts.find((one) => one.reason === reason && one.status === name)?.count ?? 0,
    }));
    return {
      key: reason,
      label: printable(reason),
      total: parts.reduce((sum, { count }) => sum + count, 0),
      parts,
      note: statusText(parts),
    };
  });
  bars.sort((a, b) => b.total - a.total || (a.key < b.key ? -1 : 1));
  showBars(byId('reasons'), bars, total);
  byId('reasons-empty').hidden = bars.length > 0;
  byId('reasons-key').hidden = bars.length === 0;
  setText(byId('reasons-total'), total === 0 ? '' : `${formatCount(total)} by reason`);
}

/** Said only where some are no longer new: for all others the colour is enough. */
function statusText(parts) {
  if (parts.every(({ name, count }) => name === 'new' || count === 0)) return '';
  return parts
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${formatCount(count)} ${name}`)
    .join(', ');
}

function createRow({ id }) {
  const button = element(
    'button',
    { type: 'button', class: 'anomaly', 'aria-haspopup': 'dialog' },
    element('time'),
    element('code', { class: 'reason' }),
    element('span', { class: 'badge' }),
    element('span', { class: 'detail' }),
    element('code', { class: 'place' }),
  );
  button.addEventListener('click', () => void openAnomaly(id));
  return element('li', {}, button);
}

function fillRow(item, { reason, detail, status, createdAt, ...where }) {
  const [time, code, badge, text, place] = item.firstChild.children;
  setAttributes(time, { datetime: createdAt });
  setText(time, formatTime(createdAt, serverNow()));
  setText(code, printable(reason));
  setText(badge, status);
  setAttributes(badge, { 'data-tone': TONES[status] ?? 'quiet' });
  setText(text, printable(detail));
  setText(place, placeText(where));
}
