import { serverNow } from './api.js';
import { byId, element, setAttributes, setText, show } from './dom.js';
import { formatCount, formatTime, printable } from './format.js';

const OUTCOMES = ['counted', 'lateCounted', 'anomalies', 'duplicates', 'skipped'];
const TONES = { active: 'good', idle: 'quiet', halted: 'bad' };

export const sumOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

/** How many consumed records the ledger has no outcome for; anything but 0 is a bug. */
export const unaccounted = ({ ledger }) =>
  ledger.consumed - sumOf(OUTCOMES.map((outcome) => ledger[outcome]));

export function showPartitions(partitions) {
  byId('partitions-empty').hidden = partitions.length > 0;
  byId('partitions-scroll').hidden = partitions.length === 0;
  const topics = new Set(partitions.map(({ topic }) => topic));
  show(byId('partitions-rows'), partitions, {
    key: ({ topic, partition }) => JSON.stringify([topic, partition]),
    create: () =>
      element(
        'tr',
        {},
        element('th', { scope: 'row' }),
        element('td', {}, element('span', { class: 'badge' }), element('small')),
        ...numberCells(3),
        element('td', { class: 'time' }),
        ...numberCells(1, 'number ledger'),
        ...numberCells(OUTCOMES.length),
        element('td', {}, element('span', { class: 'verdict' })),
        element('td', { class: 'owner' }),
      ),
    update: (row, partition) => fillRow(row, partition, topics.size > 1),
  });
  const total = partitions.length > 1 ? [totalOf(partitions)] : [];
  show(byId('partitions-total'), total, {
    key: () => 'total',
    create: () =>
      element(
        'tr',
        {},
        element('th', { scope: 'row', text: 'All' }),
        element('td'),
        ...numberCells(3),
        element('td'),
        ...numberCells(1, 'number ledger'),
        ...numberCells(OUTCOMES.length),
        element('td', {}, element('span', { class: 'verdict' })),
        element('td'),
      ),
    update: (row, sum) => {
      setText(row.cells[2], formatCount(sum.lag));
      fillLedger(row, sum);
    },
  });
}

const numberCells = (count, name = 'number') =>
  Array.from({ length: count }, () => element('td', { class: name }));

function fillRow(row, partition, withTopic) {
  const { cells } = row;
  setText(cells[0], `${withTopic ? `${printable(partition.topic)} ` : ''}${partition.partition}`);
  const [badge, why] = cells[1].children;
  setText(badge, partition.status);
  setAttributes(badge, { 'data-tone': TONES[partition.status] ?? 'quiet' });
  setText(why, partition.halted ? whyHalted(partition.halted) : '');
  setText(cells[2], formatCount(partition.lag));
  setText(cells[3], formatCount(partition.position));
  setText(cells[4], formatCount(partition.highWatermark));
  setText(cells[5], formatTime(partition.eventTimeWatermark, serverNow()));
  fillLedger(row, partition);
  setText(cells[13], partition.owner === null ? 'nobody' : printable(partition.owner));
  cells[13].title = partition.owner === null ? '' : printable(partition.owner);
}

const whyHalted = ({ reason, detail }) => printable(detail === null ? reason : `${reason}: ${detail}`);

function fillLedger(row, partition) {
  const { ledger } = partition;
  const { cells } = row;
  setText(cells[6], formatCount(ledger.consumed));
  OUTCOMES.forEach((outcome, index) => {
    setText(cells[7 + index], formatCount(ledger[outcome]));
    cells[7 + index].classList.toggle('zero', ledger[outcome] === 0);
  });
  const difference = unaccounted(partition);
  const [verdict] = cells[12].children;
  setText(verdict, difference === 0 ? 'yes, lost: nothing' : `no, off by ${formatCount(difference)}`);
  setAttributes(verdict, { 'data-tone': difference === 0 ? 'good' : 'bad' });
}

function totalOf(partitions) {
  const ledger = Object.fromEntries(
    ['consumed', ...OUTCOMES].map((field) => [field, sumOf(partitions.map((one) => one.ledger[field]))]),
  );
  const lags = partitions.map(({ lag }) => lag);
  return { ledger, lag: lags.includes(null) ? null : sumOf(lags) };
}

