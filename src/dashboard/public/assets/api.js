/** The API of the service this page came from. Addresses are relative, so that a proxy may put all under a path. */

const STORED_KEY = 'telecom-data-pipeline.api-key';
const TIMEOUT_MS = 10_000;
const MAX_PAGES = 10;

/** A request that failed; `status` is 0 when no answer came. */
export class ApiError extends Error {
  constructor(message, status, problem = null, usedKey = null) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.problem = problem;
    this.usedKey = usedKey;
  }
}

/** The key this tab was given, or null. */
export const apiKey = () => sessionStorage.getItem(STORED_KEY);

export const keepApiKey = (key) => sessionStorage.setItem(STORED_KEY, key);

export const forgetApiKey = () => sessionStorage.removeItem(STORED_KEY);

let clockOffset = 0;

/** Epoch milliseconds by the clock of the service: this machine's may be minutes off. */
export const serverNow = () => Date.now() + clockOffset;

/** @throws ApiError */
export const get = (path, parameters = {}) => {
  const query = new URLSearchParams(parameters).toString();
  return request(query === '' ? path : `${path}?${query}`, { method: 'GET' });
};

/** @param timeoutMs for what takes longer than a query. @throws ApiError */
export const post = (path, body, timeoutMs) =>
  request(path, {
    method: 'POST',
    timeoutMs,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });

/** All items of a list, page by page. @throws ApiError */
export async function getAll(path, parameters) {
  const items = [];
  let cursor = {};
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await get(path, { ...parameters, ...cursor });
    items.push(...answer.items);
    if (answer.nextCursor === null) break;
    cursor = { cursor: answer.nextCursor };
  }
  return items;
}

/** A list as CSV, all pages of it in one. @throws ApiError */
export async function getCsv(path, parameters) {
  let csv = '';
  let cursor = {};
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = new URLSearchParams({ ...parameters, ...cursor });
    const answer = await send(`${path}?${query}`, { method: 'GET', headers: { accept: 'text/csv' } });
    if (!answer.response.ok) throw failure(answer, parse(answer.body));
    // Every page has the header row.
    csv += page === 0 ? answer.body : answer.body.slice(answer.body.indexOf('\n') + 1);
    const next = answer.response.headers.get('x-next-cursor');
    if (next === null) break;
    cursor = { cursor: next };
  }
  return csv;
}

async function request(path, options) {
  const answer = await send(path, options);
  const content = parse(answer.body);
  if (!answer.response.ok || content === undefined) throw failure(answer, content);
  return content;
}

function failure({ response, key }, problem) {
  const what = problem?.detail ?? problem?.title ?? `HTTP ${response.status} without a usable answer`;
  return new ApiError(String(what), response.status, problem ?? null, key);
}

async function send(path, { timeoutMs = TIMEOUT_MS, ...options }) {
  const key = apiKey();
  const headers = { accept: 'application/json', ...options.headers };
  if (key !== null) headers.authorization = `Bearer ${key}`;
  const asked = Date.now();
  let response;
  let body;
  try {
    response = await fetch(path, {
      ...options,
      headers,
      cache: 'no-store',
      signal: AbortSignal.timeout(timeoutMs),
    });
    body = await response.text();
  } catch {
    throw new ApiError('The service does not answer', 0, null, key);
  }
  compareClocks(response, asked);
  return { response, body, key };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The Date header has whole seconds: a smaller difference than two of them means nothing. */
function compareClocks(response, asked) {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return;
  const offset = date + 500 - (asked + Date.now()) / 2;
  clockOffset = Math.abs(offset) > 2000 ? offset : 0;
}
