import { ApiError, get, serverNow } from './api.js';
import { byId, setAttributes, setText } from './dom.js';
import { formatTime, plural, printable } from './format.js';

const TITLE = document.title;

/** What the strip at the top tells: whether the service is ready, and whether this page can still see it. */
const state = { health: null, pipeline: null, failures: new Map(), keyWanted: false, updatedAt: null };

/** Not being ready is an answer, not a failure. */
export async function loadHealth() {
  try {
    return await get('health/ready');
  } catch (error) {
    if (error instanceof ApiError && error.problem?.code === 'not_ready') return error.problem;
    throw error;
  }
}

export function showHealth(health) {
  state.health = health;
  showStrip();
}

/** The pipeline's own warnings belong to the strip too. */
export function showPipelineHealth({ transport, partitions }) {
  state.pipeline = { transport, halted: partitions.filter(({ status }) => status === 'halted').length };
  showStrip();
}

export function noteSuccess(kind) {
  state.failures.delete(kind);
  state.updatedAt = serverNow();
  showStrip();
}

/** The values on the page stay as they are; `since` says how old they may be. */
export function noteFailure(kind, error) {
  const since = state.failures.get(kind)?.since ?? serverNow();
  state.failures.set(kind, { error, since });
  showStrip();
}

export function noteKeyWanted(wanted) {
  state.keyWanted = wanted;
  showStrip();
}

function showStrip() {
  const { tone, title, detail } = summary();
  setAttributes(byId('strip'), { 'data-state': tone });
  setText(byId('strip-state'), title);
  setText(byId('strip-detail'), detail);
  byId('access-open').hidden = !state.keyWanted;
  if (state.updatedAt !== null)
    setText(byId('strip-updated'), `, updated ${formatTime(state.updatedAt, serverNow())}`);
  const label = tone === 'bad' ? `⚠ ${title} · ${TITLE}` : TITLE;
  if (document.title !== label) document.title = label;
}

function summary() {
  if (state.keyWanted)
    return { tone: 'bad', title: 'No access', detail: 'The service wants an API key.' };
  if (state.failures.size > 0) return failureSummary([...state.failures.values()]);
  if (state.health === null)
    return { tone: 'loading', title: 'Connecting', detail: 'Asking the service how it is …' };
  if (state.health.status !== 'ok')
    return { tone: 'bad', title: 'Not ready', detail: printable(state.health.detail ?? 'It does not say why.') };
  if (state.pipeline?.halted > 0)
    return {
      tone: 'bad',
      title: 'Halted',
      detail: `${plural(state.pipeline.halted, 'partition')} will not go on without an operator; see below.`,
    };
  return { tone: 'good', title: 'Ready', detail: readyText() };
}

function readyText() {
  const transport = { kafka: 'Kafka', embedded: 'embedded log' }[state.pipeline?.transport];
  return `Database and ${transport ?? 'event log'} are up.`;
}

function failureSummary(failures) {
  const since = Math.min(...failures.map((failure) => failure.since));
  const silent = failures.some(({ error }) => error.status === 0);
  const messages = new Set(failures.map(({ error }) => printable(error.message).replace(/\.$/, '')));
  return {
    tone: 'bad',
    title: silent ? 'No answer' : 'Trouble',
    detail:
      `${[...messages].slice(0, 2).join('; ')}. Values from before ${formatTime(since, serverNow())} stay; ` +
      'trying again every 2 s.',
  };
}
