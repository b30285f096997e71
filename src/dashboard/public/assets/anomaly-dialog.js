import { get, serverNow } from './api.js';
import { byId, element, setText } from './dom.js';
import { formatCount, formatTime, placeText, plural, printable } from './format.js';

const MOST_CHARACTERS = 4000;
const MOST_BYTES = 512;
const BYTES_A_LINE = 16;

let shownId = null;

export function setUpAnomalyDialog() {
  byId('anomaly-close').addEventListener('click', () => byId('anomaly').close());
  // A click beside the dialog meets the dialog element itself: its content covers the rest of it.
  byId('anomaly').addEventListener('click', (event) => {
    if (event.target === event.currentTarget) event.currentTarget.close();
  });
}

export async function openAnomaly(id) {
  shownId = id;
  setText(byId('anomaly-title'), `Anomaly ${formatCount(id)}`);
  byId('anomaly-body').replaceChildren(element('p', { class: 'muted', text: 'Loading …' }));
  byId('anomaly').showModal();
  let content;
  try {
    content = contentOf(await get(`anomalies/${encodeURIComponent(id)}`));
  } catch (error) {
    content = [
      element('p', {
        class: 'message',
        role: 'alert',
        text: `${printable(error.message)}. Close, and open it again.`,
      }),
    ];
  }
  // Another one may have been opened while this one was on its way.
  if (shownId === id) byId('anomaly-body').replaceChildren(...content);
}

function contentOf(anomaly) {
  const now = serverNow();
  const time = (instant) => (instant === null ? 'none that is valid' : `${formatTime(instant, now)} UTC`);
  return [
    facts([
      ['Reason', element('code', { text: printable(anomaly.reason) })],
      ['Detail', printable(anomaly.detail)],
      ['Place in the log', element('code', { text: placeText(anomaly) })],
      ['Event time', time(anomaly.eventTime)],
      ['Set aside', time(anomaly.createdAt)],
      [
        'Status',
        `${printable(anomaly.status)}${anomaly.attempts > 0 ? `, ${plural(anomaly.attempts, 'replay')}` : ''}`,
      ],
    ]),
    element('h3', { text: 'The record' }),
    ...recordOf(anomaly),
    element('h3', { text: 'History' }),
    element('ol', { class: 'history' }, ...anomaly.history.map((entry) => historyItem(entry, now))),
  ];
}

const facts = (pairs) =>
  element(
    'dl',
    { class: 'facts lines' },
    ...pairs.map(([term, value]) =>
      element('div', {}, element('dt', { text: term }), element('dd', {}, value)),
    ),
  );

const historyItem = ({ at, actor, action, outcome, detail }, now) =>
  element('li', {
    text: [
      `${formatTime(at, now)} UTC`,
      printable(actor),
      printable(action).replaceAll('_', ' '),
      printable(outcome),
      ...(detail ? [printable(detail)] : []),
    ].join(' · '),
  });

/** As text where it is text, as a hex dump where it is not; never more than a screen or two of it. */
function recordOf({ raw, rawBase64 }) {
  if (raw !== null) {
    const shown = raw.slice(0, MOST_CHARACTERS);
    return [
      element('pre', { tabindex: 0, text: printable(shown, '\n\t') || ' ' }),
      note(textNote(raw.length, shown.length)),
    ];
  }
  if (rawBase64 === null) return [note('None: a tombstone has no value.')];
  const bytes = bytesOf(rawBase64);
  return [
    element('pre', { class: 'hex', tabindex: 0, text: hexDump(bytes.subarray(0, MOST_BYTES)) }),
    note(`Not valid UTF-8, so these are its bytes. ${leftOut(bytes.length - MOST_BYTES, 'byte')}`),
  ];
}

const note = (text) => element('p', { class: 'muted', text });

const textNote = (length, shown) =>
  length === 0
    ? 'It is empty.'
    : `Characters that cannot be seen are written as ⟨U+…⟩. ${leftOut(length - shown, 'character')}`;

const leftOut = (count, noun) =>
  count > 0 ? `${plural(count, `more ${noun}`)}, not shown.` : 'Nothing is left out.';

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

function hexDump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += BYTES_A_LINE) {
    const line = [...bytes.subarray(at, at + BYTES_A_LINE)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = line.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(BYTES_A_LINE * 3)} ${text}`);
  }
  return lines.join('\n');
}
