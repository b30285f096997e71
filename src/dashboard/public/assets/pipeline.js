import { get, serverNow } from './api.js';
import { byId, setAttributes, setText } from './dom.js';
import { formatAmount, formatCount, formatDuration, formatTime, plural, toMs } from './format.js';
import { showPartitions, sumOf, unaccounted } from './partitions.js';

const SAMPLES = 60;

export const loadPipeline = () => get('pipeline');

export function showPipeline(pipeline) {
  const { partitions } = pipeline;
  showRate(pipeline);
  showLag(partitions);
  showWatermark(pipeline);
  setText(byId('open-windows'), formatCount(pipeline.openWindows));
  showFlush(pipeline);
  showLost(partitions);
  showPartitions(partitions);
}

const rates = [];

function showRate({ eventsPerSecond, partitions }) {
  setText(byId('rate'), formatAmount(eventsPerSecond));
  const owners = new Set(partitions.map(({ owner }) => owner).filter(Boolean));
  setText(byId('rate-note'), `${plural(owners.size, 'replica')}, ${plural(partitions.length, 'partition')}`);
  rates.push(eventsPerSecond);
  if (rates.length > SAMPLES) rates.shift();
  drawSpark();
}

/** The rates seen since the page was opened, the last two minutes of them. */
function drawSpark() {
  const top = Math.max(1, ...rates) * 1.05;
  const points = rates.map((rate, index) => {
    const x = 100 - ((rates.length - 1 - index) * 100) / (SAMPLES - 1);
    return `${x.toFixed(2)} ${(19.5 - (rate / top) * 18.5).toFixed(2)}`;
  });
  const [area, line] = byId('spark').children;
  const path = `M${points.join('L')}`;
  setAttributes(line, { d: path });
  setAttributes(area, { d: `${path}V20H${points[0].split(' ')[0]}Z` });
}

function showLag(partitions) {
  const known = partitions.map(({ lag }) => lag).filter((lag) => lag !== null);
  setText(byId('lag'), known.length === 0 ? '–' : formatCount(sumOf(known)));
  const behind = known.filter((lag) => lag > 0).length;
  const note =
    behind === 0 ? 'all that is in the log is read' : `records to read, in ${plural(behind, 'partition')}`;
  setText(byId('lag-note'), known.length === 0 ? '' : note);
}

function showWatermark({ watermark, heldBy, partitions }) {
  const now = serverNow();
  const ms = toMs(watermark);
  setText(byId('watermark'), ms === null ? 'none yet' : formatTime(ms, now));
  const behind = ms === null ? [] : [now >= ms ? `${formatDuration(now - ms)} behind now` : 'ahead of now'];
  setText(byId('watermark-note'), [...behind, heldText(heldBy, partitions, now)].join('; '));
}

function heldText(heldBy, partitions, now) {
  if (heldBy === null) return partitions.length === 0 ? 'no partitions yet' : 'all partitions idle';
  const { partition, reason, since } = heldBy;
  if (reason === 'slowest_partition')
    return partitions.length === 1
      ? `set by partition ${partition}`
      : `held by partition ${partition}, the slowest`;
  const from = since === null ? '' : ` since ${formatTime(since, now)}`;
  return `held by partition ${partition}, ${reason === 'halted' ? 'halted' : 'without events'}${from}`;
}

function showFlush({ lastFlushAt, lastFlushMs }) {
  const ms = toMs(lastFlushAt);
  setText(byId('flush'), ms === null ? 'none yet' : `${formatDuration(serverNow() - ms)} ago`);
  setText(
    byId('flush-note'),
    lastFlushMs === null ? 'results and offsets, in one transaction' : `took ${formatAmount(lastFlushMs)} ms`,
  );
}

/** The ledger of all partitions: what was consumed and has no outcome is lost, and nothing may be. */
function showLost(partitions) {
  const differences = partitions.map((partition) => Math.abs(unaccounted(partition)));
  const off = differences.filter((difference) => difference !== 0).length;
  setText(byId('lost'), off === 0 ? 'Nothing' : formatCount(sumOf(differences)));
  setAttributes(byId('lost-tile'), {
    'data-tone': partitions.length === 0 ? null : off === 0 ? 'good' : 'bad',
  });
  const consumed = sumOf(partitions.map(({ ledger }) => ledger.consumed));
  setText(
    byId('lost-note'),
    off === 0
      ? consumed === 0
        ? 'nothing consumed yet'
        : `${formatCount(consumed)} consumed, all accounted for`
      : `the ledger of ${plural(off, 'partition')} does not add up`,
  );
}
