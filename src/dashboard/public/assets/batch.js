import { Actions } from './actions.js';
import { get, post, serverNow } from './api.js';
import { showRuns } from './batch-runs.js';
import { dayLink } from './daily.js';
import { byId, element, setAttributes, setText, show } from './dom.js';
import { formatCount, formatTime, plural } from './format.js';

const RUNS = 10;
/** Of longer lists the newest, and how many more there are. */
const DAYS_SHOWN = 5;
const OWED = [
  { key: 'missingDates', label: 'missing', tone: 'bad' },
  { key: 'failedDates', label: 'failed for good', tone: 'bad' },
  { key: 'staleDates', label: 'to be built again', tone: 'warn' },
];

export async function loadBatch() {
  const [schedule, runs] = await Promise.all([get('batch/schedule'), get('batch/runs', { limit: RUNS })]);
  return { schedule, runs: runs.items };
}

let paused = null;

const actions = new Actions(byId('batch-message'), showButtons);

export function showBatch({ schedule, runs }) {
  showSchedule(schedule);
  showRuns(runs);
}

function showSchedule(schedule) {
  const now = serverNow();
  paused = schedule.paused;
  setText(byId('batch-state'), paused ? 'paused' : 'on schedule');
  setAttributes(byId('batch-state'), { 'data-tone': paused ? 'warn' : 'good' });
  setText(byId('batch-next'), paused ? 'none while paused' : formatTime(schedule.nextRunAt, now));
  setText(byId('batch-built'), formatTime(schedule.lastSuccessAt, now));
  setText(byId('batch-queue'), queueText(schedule));
  setText(byId('batch-cron'), schedule.cron);
  const owed = OWED.map((kind) => ({ ...kind, days: schedule[kind.key].toReversed() })).filter(
    ({ days }) => days.length > 0,
  );
  show(byId('owed'), owed, { key: ({ key }) => key, create: createOwed, update: fillOwed });
  byId('owed-none').hidden = owed.length > 0;
  showButtons();
}

function queueText({ waitingRuns, runningRuns }) {
  const parts = [
    { count: waitingRuns, what: 'waiting' },
    { count: runningRuns, what: 'running' },
  ].filter(({ count }) => count > 0);
  return parts.length === 0
    ? 'empty'
    : parts.map(({ count, what }) => `${formatCount(count)}\u00a0${what}`).join(', ');
}

const createOwed = ({ tone }) =>
  element(
    'li',
    {},
    element('span', { class: 'badge', 'data-tone': tone }),
    element('span', { class: 'owed-days' }),
    element('span', { class: 'muted' }),
  );

function fillOwed(item, { label, days }) {
  const [badge, links, more] = item.children;
  setText(badge, `${plural(days.length, 'day')} ${label}`);
  show(links, days.slice(0, DAYS_SHOWN), { key: (day) => day, create: dayLink, update: () => undefined });
  setText(more, days.length > DAYS_SHOWN ? `and ${formatCount(days.length - DAYS_SHOWN)} older` : '');
}

/** @param refresh asks for the state of the batch at once */
export function setUpBatch(refresh) {
  const act = (name, other) =>
    void actions.run(() => post(`batch/${name}`), refresh, byId(`batch-${other}`), byId(`batch-${name}`));
  byId('batch-pause').addEventListener('click', () => act('pause', 'resume'));
  byId('batch-resume').addEventListener('click', () => act('resume', 'pause'));
}

function showButtons() {
  byId('batch-pause').disabled = actions.busy || paused !== false;
  byId('batch-resume').disabled = actions.busy || paused !== true;
}
