import { Actions } from './actions.js';
import { get, post } from './api.js';
import { byId, setAttributes, setText } from './dom.js';
import { formatAmount, formatCount, formatShare, printable } from './format.js';

export const loadSimulator = () => get('simulator');

let status = null;
let lastRun = null;
/** What the comparison of a run has come to. */
let verdict = { runId: null, text: '' };

const actions = new Actions(byId('simulator-message'), showButtons);

export function showSimulator({ status: current, run }) {
  status = current;
  lastRun = run;
  setText(byId('simulator-state'), current);
  setAttributes(byId('simulator-state'), { 'data-tone': current === 'running' ? 'good' : 'quiet' });
  setText(byId('simulator-rate'), run ? `${formatAmount(run.eventsPerSecond)} / s` : '–');
  setText(byId('simulator-sent'), run ? formatCount(run.sent) : '–');
  setText(byId('simulator-invalid'), run ? formatShare(run.parameters.invalidRate) : '–');
  if (actions.failure === null) setText(byId('simulator-message'), run ? messageOf(run) : '');
  showButtons();
}

const messageOf = (run) => (verdict.runId === run.id ? verdict.text : endOf(run));

function textOf({ runId, matches, sent, windowsCompared, windowsDiffering, differences, moreDifferences }) {
  if (matches)
    return `Run ${runId} is right: ${formatCount(sent)} events, ${formatCount(windowsCompared)} windows compared, no difference.`;
  const found = `${formatCount(differences.length)}${moreDifferences ? ' or more' : ''}`;
  return `Run ${runId} is wrong: ${found} differences, ${formatCount(windowsDiffering)} windows differ. POST /simulator/runs/${runId}/verify lists them.`;
}

function endOf({ status: end, lastError }) {
  if (end === 'interrupted') return 'The last run was interrupted: its process has ended.';
  if (end === 'failed') return `The last run failed: ${printable(lastError?.message ?? 'see the log')}`;
  return end === 'running' && lastError ? `Lately: ${printable(lastError.message)}` : '';
}

/** The button for the keyboard to go on from. */
const next = { start: 'stop', stop: 'start', pause: 'resume', resume: 'pause' };

/** @param refresh asks for the state of the simulator at once */
export function setUpSimulator(refresh) {
  const act = (name, body) =>
    actions.run(
      () => post(`simulator/${name}`, body),
      refresh,
      byId(`simulator-${next[name]}`),
      byId(`simulator-${name}`),
    );
  byId('simulator-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const eventsPerSecond = byId('simulator-rate-field').valueAsNumber;
    const invalidRate = byId('simulator-invalid-field').valueAsNumber / 100;
    void act('start', { eventsPerSecond, invalidRate });
  });
  byId('simulator-verify').addEventListener('click', () => {
    const { id } = lastRun;
    void actions.run(
      async () => {
        verdict = { runId: null, text: '' };
        verdict = { runId: id, text: textOf(await post(`simulator/runs/${id}/verify`)) };
      },
      refresh,
      byId('simulator-verify'),
    );
  });
  for (const name of ['stop', 'pause', 'resume'])
    byId(`simulator-${name}`).addEventListener('click', () => {
      void act(name);
    });
}

function showButtons() {
  byId('simulator-start').disabled = actions.busy || status !== 'idle';
  byId('simulator-stop').disabled = actions.busy || status === 'idle' || status === null;
  byId('simulator-verify').disabled = actions.busy || status !== 'idle' || lastRun === null;
  byId('simulator-pause').disabled = actions.busy || status !== 'running';
  byId('simulator-resume').disabled = actions.busy || status !== 'paused';
}
