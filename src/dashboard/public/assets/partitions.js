import { serverNow } from './api.js';
import { byId, element, setAttributes, setText, show } from './dom.js';
import { formatCount, formatTime, printable } from './format.js';

const OUTCOMES = ['counted', 'lateCounted', 'anomalies', 'duplicates', 'skipped'];
const TONES = { active: 'good', idle: 'quiet', halted: 'bad' };

export const sumOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

/** How many consumed records the ledger has no outcome for; anything but 0 is a bug. */
export const unaccounted = ({ ledger }) =>
  ledger.consumed - sumOf(OUTCOMES.map((outcome) => ledger[outcome]));

const keyOf = ({ topic, partition }) => JSON.stringify([topic, partition]);

export function showPartitions(partitions) {
  showHalted(partitions);
  byId('partitions-empty').hidden = partitions.length > 0;
  byId('partitions-scroll').hidden = partitions.length === 0;
  const topics = new Set(partitions.map(({ topic }) => topic));
  show(byId('partitions-rows'), partitions, {
    key: keyOf,
    create: () =>
      element(
        'tr',
        {},
        element('th', { scope: 'row' }),
        element('td', {}, element('span', { class: 'badge' })),
        element('td', {}, element('span', { class: 'verdict' })),
        ...numberCells(3),
        element('td'),
        ...numberCells(1, 'number ledger'),
        ...numberCells(OUTCOMES.length),
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
        element('td', {}, element('span', { class: 'verdict' })),
        ...numberCells(3),
        element('td'),
        ...numberCells(1, 'number ledger'),
        ...numberCells(OUTCOMES.length),
        element('td'),
      ),
    update: (row, sum) => {
      setText(row.cells[3], formatCount(sum.lag));
      fillLedger(row, sum, sum.difference);
    },
  });
}

const numberCells = (count, name = 'number') =>
  Array.from({ length: count }, () => element('td', { class: name }));

function fillRow(row, partition, withTopic) {
  const { cells } = row;
  setText(cells[0], `${withTopic ? `${printable(partition.topic)} ` : ''}${partition.partition}`);
  const [badge] = cells[1].children;
  setText(badge, partition.status);
  setAttributes(badge, { 'data-tone': TONES[partition.status] ?? 'quiet' });
  setText(cells[3], formatCount(partition.lag));
  setText(cells[4], formatCount(partition.position));
  setText(cells[5], formatCount(partition.highWatermark));
  setText(cells[6], formatTime(partition.eventTimeWatermark, serverNow()));
  fillLedger(row, partition, unaccounted(partition));
  setText(cells[13], partition.owner === null ? 'nobody' : printable(partition.owner));
  cells[13].title = partition.owner === null ? '' : printable(partition.owner);
}

function showHalted(partitions) {
  show(
    byId('halted'),
    partitions.filter(({ halted }) => halted),
    {
      key: keyOf,
      create: () => element('li'),
      update: (node, { partition, halted: { reason, detail, since } }) =>
        setText(
          node,
          `Partition ${partition} is halted since ${formatTime(since, serverNow())} UTC: ` +
            printable(detail === null ? reason : `${reason}, ${detail}`),
        ),
    },
  );
}

function fillLedger(row, { ledger }, difference) {
  const { cells } = row;
  setText(cells[7], formatCount(ledger.consumed));
  OUTCOMES.forEach((outcome, index) => {
    setText(cells[8 + index], formatCount(ledger[outcome]));
    cells[8 + index].classList.toggle('zero', ledger[outcome] === 0);
  });
  const [verdict] = cells[2].children;
  setText(verdict, difference === 0 ? 'lost: nothing' : `off by ${formatCount(difference)}`);
  setAttributes(verdict, { 'data-tone': difference === 0 ? 'good' : 'bad' });
}

function totalOf(partitions) {
  const ledger = Object.fromEntries(
    ['consumed', ...OUTCOMES].map((field) => [field, sumOf(partitions.map((one) => one.ledger[field]))]),
  );
  const lags = partitions.map(({ lag }) => lag);
  // Without their signs, so that two mistakes do not make one right.
  const difference = sumOf(partitions.map((one) => Math.abs(unaccounted(one))));
  return { ledger, difference, lag: lags.includes(null) ? null : sumOf(lags) };
}
