import { get, post } from './api.js';
import { byId, setAttributes, setText } from './dom.js';
import { formatAmount, formatCount, formatShare, printable } from './format.js';

export const loadSimulator = () => get('simulator');

let busy = false;
let status = null;
let ownMessage = null;

export function showSimulator({ status: current, run }) {
  status = current;
  setText(byId('simulator-state'), current);
  setAttributes(byId('simulator-state'), { 'data-tone': current === 'running' ? 'good' : 'quiet' });
  setText(byId('simulator-rate'), run ? `${formatAmount(run.eventsPerSecond)} / s` : '–');
  setText(byId('simulator-sent'), run ? formatCount(run.sent) : '–');
  setText(byId('simulator-invalid'), run ? formatShare(run.parameters.invalidRate) : '–');
  if (ownMessage === null) setText(byId('simulator-message'), run ? endOf(run) : '');
  showButtons();
}

function endOf({ status: end, lastError }) {
  if (end === 'failed') return `The last run failed: ${printable(lastError?.message ?? 'see the log')}`;
  return end === 'running' && lastError ? `Lately: ${printable(lastError.message)}` : '';
}

/** @param refresh asks for the state of the simulator at once */
export function setUpSimulator(refresh) {
  byId('simulator-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const eventsPerSecond = byId('simulator-rate-field').valueAsNumber;
    const invalidRate = byId('simulator-invalid-field').valueAsNumber / 100;
    void act('simulator/start', { eventsPerSecond, invalidRate }, 'simulator-stop', refresh);
  });
  byId('simulator-stop').addEventListener('click', () => {
    void act('simulator/stop', undefined, 'simulator-start', refresh);
  });
}

async function act(path, body, nextButton, refresh) {
  if (busy) return;
  busy = true;
  showButtons();
  try {
    await post(path, body);
    ownMessage = null;
  } catch (error) {
    ownMessage = `Not done: ${printable(error.message)}`;
  }
  busy = false;
  setText(byId('simulator-message'), ownMessage ?? '');
  await refresh();
  // The button that was pressed is off now: the keyboard goes on from the other one.
  if (document.activeElement === document.body) byId(nextButton).focus();
}

function showButtons() {
  byId('simulator-start').disabled = busy || status !== 'idle';
  byId('simulator-stop').disabled = busy || status === 'idle' || status === null;
}
