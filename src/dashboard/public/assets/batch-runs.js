import { serverNow } from './api.js';
import { dayLink } from './daily.js';
import { byId, element, setAttributes, setText, show } from './dom.js';
import { formatCount, formatTime, printable } from './format.js';
import { durationOf, noteOf, triggerText } from './runs.js';

const TONES = { succeeded: 'good', failed: 'bad' };

/** The newest runs of the batch, as a table. */
export function showRuns(runs) {
  byId('runs-empty').hidden = runs.length > 0;
  byId('runs-scroll').hidden = runs.length === 0;
  show(byId('runs-rows'), runs, { key: ({ id }) => id, create: createRow, update: fillRow });
}

const createRow = ({ date }) =>
  element(
    'tr',
    {},
    element('th', { scope: 'row' }, dayLink(date)),
    element('td', {}, element('span', { class: 'badge' })),
    element('td'),
    element('td', { class: 'number' }),
    element('td', { class: 'number' }),
    element('td'),
    element('td', { class: 'number' }),
    element('td', { class: 'why' }),
  );

function fillRow({ cells }, run) {
  const now = serverNow();
  const [badge] = cells[1].children;
  setText(badge, printable(run.status));
  setAttributes(badge, { 'data-tone': TONES[run.status] ?? 'quiet' });
  setText(cells[2], triggerText(run));
  setText(cells[3], formatCount(run.attempts));
  setText(cells[4], formatCount(run.rows));
  setText(cells[5], formatTime(run.startedAt, now));
  setText(cells[6], durationOf(run, now));
  setText(cells[7], noteOf(run, now));
}
