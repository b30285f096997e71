import { ApiError, get, serverNow } from './api.js';
import { byId, setAttributes, setText } from './dom.js';
import { formatTime, plural, printable } from './format.js';

const TITLE = document.title;
const KINDS = {
  health: 'Health',
  pipeline: 'Pipeline',
  metrics: 'Metrics',
  simulator: 'Simulator',
  anomalies: 'Anomalies',
  daily: 'Daily stats',
  batch: 'Batch',
};

/** What the strip at the top tells: whether the service is ready, and whether this page can still see it. */
const state = { health: null, pipeline: null, failures: new Map(), succeededAt: new Map(), keyWanted: false };

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
  state.succeededAt.set(kind, serverNow());
  showStrip();
}

/** The values on the page stay as they are. */
export function noteFailure(kind, error) {
  state.failures.set(kind, error);
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
  for (const part of document.querySelectorAll('[data-kind]'))
    part.classList.toggle('stale', state.keyWanted || state.failures.has(part.dataset.kind));
  if (state.succeededAt.size > 0) {
    const updatedAt = Math.max(...state.succeededAt.values());
    setText(byId('strip-updated'), `, updated ${formatTime(updatedAt, serverNow())}`);
  }
  const label = tone === 'bad' ? `⚠ ${title} · ${TITLE}` : TITLE;
  if (document.title !== label) document.title = label;
}

function summary() {
  if (state.keyWanted) return { tone: 'bad', title: 'No access', detail: 'The service wants an API key.' };
  if (isSilent()) return { tone: 'bad', title: 'No answer', detail: staleText() };
  if (state.health !== null && state.health.status !== 'ok') return notReady(state.health);
  if (state.failures.size > 0)
    return { tone: 'bad', title: 'Stale', detail: `${failureText()}. ${staleText()}` };
  if (state.health === null)
    return { tone: 'loading', title: 'Connecting', detail: 'Asking the service how it is …' };
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

const isSilent = () => [...state.failures.values()].some(({ status }) => status === 0);

function notReady({ detail }) {
  const why = printable(detail ?? 'It does not say why.');
  return {
    tone: 'bad',
    title: 'Not ready',
    detail: state.failures.size > 0 ? `${why} ${staleText()}` : why,
  };
}

/** What fails, and why: `Pipeline, metrics: The database is not available`. */
function failureText() {
  const kindsOf = new Map();
  for (const [kind, error] of state.failures) {
    const why = printable(error.problem?.title ?? error.message);
    kindsOf.set(why, [...(kindsOf.get(why) ?? []), KINDS[kind]]);
  }
  return [...kindsOf].map(([why, kinds]) => `${kinds.join(', ')}: ${why}`).join('; ');
}

function staleText() {
  const times = [...state.failures.keys()].map((kind) => state.succeededAt.get(kind));
  if (times.includes(undefined)) return 'Trying again every 2 s.';
  return `Values are from ${formatTime(Math.min(...times), serverNow())}; trying again every 2 s.`;
}
