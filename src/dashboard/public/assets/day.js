import { Actions } from './actions.js';
import { getCsv, post, serverNow } from './api.js';
import { showRanking } from './bars.js';
import { countsOf, figuresOf } from './days.js';
import { byId, setAttributes, setText } from './dom.js';
import { formatAmount, formatCount, formatDay, formatTime, plural, printable } from './format.js';
import { noteOf } from './runs.js';
import { saveText } from './save.js';
import { typeOf } from './windows.js';

const KEYS = 12;
const CSV_LIMIT = 1000;
/** The service answers when the day is built, and it builds one at a time. */
const BUILD_TIMEOUT_MS = 120_000;

/** The day that is shown; while it is loading only its name is. */
let shown = null;
let isLoading = true;

const actions = new Actions(byId('day-message'), showButtons);

/** Shows that the day is on its way, and nothing of the one before. */
export function startDay(day) {
  actions.forget();
  if (day === shown) return;
  setDay(day);
  isLoading = true;
  setText(byId('day-state'), 'Loading …');
  setText(byId('day-why'), '');
  setAttributes(byId('day-counts'), { 'aria-busy': true });
  showFigures({});
  showButtons();
}

/** @param lastRun of the batch for this day, or null; only needed without stats */
export function showDay(day, stats, lastRun) {
  if (day !== shown) setDay(day);
  isLoading = false;
  const isEmpty = stats.length === 0;
  setText(byId('day-state'), isEmpty ? 'No daily stats for this day' : '');
  setText(byId('day-why'), lastRun === null ? '' : runText(lastRun));
  for (const id of ['day-figures', 'day-counts', 'day-csv']) byId(id).hidden = isEmpty;
  byId('day-build').hidden = !isEmpty;
  setAttributes(byId('day-counts'), { 'aria-busy': null });
  const figures = figuresOf(stats);
  showFigures(figures);
  showRanking(byId('day-regions'), countsOf(stats, 'region_total_events', KEYS), () => 'region');
  showRanking(
    byId('day-types'),
    countsOf(stats, 'event_type_total_events', KEYS),
    (key) => typeOf(key) ?? 'more',
  );
  byId('day-counts').hidden = isEmpty || figures.events === 0;
  showButtons();
}

function setDay(day) {
  shown = day;
  actions.forget();
  setText(byId('day-name'), formatDay(day));
  setAttributes(byId('day-csv'), {
    href: `daily-stats?${new URLSearchParams({ date: day, limit: CSV_LIMIT, format: 'csv' })}`,
    'aria-label': `CSV of the daily stats of ${day}`,
  });
}

function showFigures({ events, gigabytes, recharged, anomalies }) {
  setText(byId('day-events'), formatCount(events));
  setText(byId('day-gigabytes'), gigabytes === undefined ? '–' : `${formatAmount(gigabytes)} GB`);
  setText(byId('day-recharged'), formatAmount(recharged));
  setText(byId('day-anomalies'), formatCount(anomalies));
}

function runText(run) {
  const now = serverNow();
  const note = noteOf(run, now);
  return [
    `Its last run: ${printable(run.status)}`,
    ...(run.rows === null ? [] : [plural(run.rows, 'row'), formatTime(run.finishedAt, now)]),
    ...(note === '' ? [] : [note]),
  ].join(', ');
}

/**
 * @param chooseDay called with the day that somebody wants to see
 * @param refresh asks for the day and the batch at once
 */
export function setUpDay(chooseDay, refresh) {
  const field = byId('day');
  field.addEventListener('change', () => {
    if (field.value !== '' && field.validity.valid) chooseDay(field.value);
    else setText(byId('day-message'), `Choose a day from ${field.min} to ${field.max}.`);
  });
  byId('day-build').addEventListener('click', () => {
    void actions.run(
      () => post('batch/run', { date: shown }, BUILD_TIMEOUT_MS),
      refresh,
      byId('day-build'),
      field,
    );
  });
  byId('day-csv').addEventListener('click', (event) => {
    // In a new tab or window, or saved under a name, it is for the browser to fetch.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void actions.run(() => saveDay(shown), showButtons);
  });
}

/** Through a request of the page: only that has the key this tab was given. */
async function saveDay(day) {
  const csv = await getCsv('daily-stats', { date: day, limit: CSV_LIMIT });
  saveText(`daily-stats-${day}.csv`, 'text/csv;charset=utf-8', csv);
}

function showButtons() {
  byId('day-build').disabled = actions.busy || isLoading;
}
