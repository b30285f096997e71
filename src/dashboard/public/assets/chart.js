import { setAttributes, setText, svg } from './dom.js';
import { formatCompact, formatCount, formatAmount, formatHourMinute } from './format.js';
import { axisTop, TYPES, WINDOWS, WINDOW_MS } from './windows.js';

const LEFT = 44;
const RIGHT = 4;
const EVENTS = { top: 14, height: 178 };
const VOLUME = { top: 236, height: 56 };
const HEIGHT = 316;
const AXIS_MS = 3 * WINDOW_MS;

/**
 * Stacked bars of events and, below, of data volume, on one time axis. One stop for the Tab key; arrow keys go from window
 * to window.
 * @param onSelect told the start of the window under pointer or focus, or null
 */
export class WindowChart {
  slots = [];

  constructor(parent, onSelect) {
    this.onSelect = onSelect;
    this.title = svg('title', { id: 'chart-title', text: 'Events and data volume per 5-minute window' });
    this.description = svg('desc', { id: 'chart-desc' });
    this.axes = [EVENTS, VOLUME].map((panel) => new ValueAxis(panel));
    this.times = svg('g', { class: 'axis' });
    this.columns = Array.from({ length: WINDOWS }, (_, index) => new Column(this, index));
    this.svg = svg(
      'svg',
      { role: 'group', 'aria-labelledby': 'chart-title', 'aria-describedby': 'chart-desc', height: HEIGHT },
      this.title,
      this.description,
      ...this.axes.map(({ group }) => group),
      svg('text', { class: 'panel-title', x: 0, y: VOLUME.top - 14, text: 'Data volume, GB' }),
      this.times,
      ...this.columns.map(({ group }) => group),
    );
    parent.append(this.svg);
    this.svg.addEventListener('pointerleave', () => this.select(this.focused ?? null));
    new ResizeObserver(([entry]) => this.resize(entry.contentRect.width)).observe(parent);
    this.resize(parent.clientWidth);
    this.tabStop(WINDOWS - 1);
  }

  show(slots) {
    this.slots = slots;
    const total = slots.reduce((sum, slot) => sum + slot.total, 0);
    const gigabytes = slots.reduce((sum, slot) => sum + slot.gigabytes, 0);
    setText(
      this.description,
      `${WINDOWS} windows from ${formatHourMinute(slots[0].start)} to ${formatHourMinute(slots.at(-1).end)} UTC with ` +
        `${formatCount(total)} events and ${formatAmount(gigabytes)} GB of data. Arrow keys go from window to window.`,
    );
    this.draw();
  }

  resize(width) {
    this.width = Math.max(width, 200);
    setAttributes(this.svg, { width: this.width, viewBox: `0 0 ${this.width} ${HEIGHT}` });
    this.draw();
  }

  draw() {
    if (this.slots.length === 0) return;
    const step = (this.width - LEFT - RIGHT) / WINDOWS;
    const tops = [
      axisTop(Math.max(...this.slots.map(({ total }) => total)), 4),
      axisTop(Math.max(...this.slots.map(({ gigabytes }) => gigabytes)), 0.1),
    ];
    this.axes.forEach((axis, index) => axis.draw(tops[index], this.width));
    this.drawTimes(step);
    this.columns.forEach((column, index) => column.draw(this.slots[index], LEFT + index * step, step, tops));
  }

  drawTimes(step) {
    const labels = this.slots
      .map(({ start }, index) => ({ start, x: LEFT + index * step }))
      .filter(({ start }) => start % AXIS_MS === 0);
    this.times.replaceChildren(
      ...labels.flatMap(({ start, x }) => [
        svg('line', { x1: x, x2: x, y1: VOLUME.top + VOLUME.height, y2: VOLUME.top + VOLUME.height + 5 }),
        svg('text', { x, y: HEIGHT - 4, 'text-anchor': 'middle', text: formatHourMinute(start) }),
      ]),
    );
  }

  select(index) {
    this.columns.forEach((column, other) => column.group.classList.toggle('selected', other === index));
    this.onSelect(index === null ? null : (this.slots[index] ?? null));
  }

  tabStop(index) {
    this.columns.forEach(({ group }, other) => setAttributes(group, { tabindex: other === index ? 0 : -1 }));
  }

  onKey(event, index) {
    const target = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: WINDOWS - 1 }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.columns[Math.min(Math.max(target, 0), WINDOWS - 1)].group.focus();
  }

  onFocus(index) {
    this.focused = index;
    this.tabStop(index);
    this.select(index);
  }

  onBlur() {
    this.focused = undefined;
    this.select(null);
  }
}

class ValueAxis {
  constructor(panel) {
    this.panel = panel;
    this.lines = [0, 0.5, 1].map((share) => ({
      share,
      line: svg('line', { x1: LEFT }),
      label: svg('text', { x: LEFT - 8, 'text-anchor': 'end' }),
    }));
    this.group = svg('g', { class: 'axis', 'aria-hidden': 'true' }, ...this.lines.flatMap(({ line, label }) => [line, label]));
  }

  draw(top, width) {
    for (const { share, line, label } of this.lines) {
      const y = this.panel.top + this.panel.height * (1 - share) + 0.5;
      setAttributes(line, { y1: y, y2: y, x2: width });
      setAttributes(label, { y: y + 4 });
      setText(label, formatCompact(top * share));
    }
  }
}

/** One window: its stack of events, its data volume, and a place over both to point at. */
class Column {
  constructor(chart, index) {
    this.hit = svg('rect', { class: 'hit', y: 0, height: HEIGHT - 20 });
    this.parts = TYPES.map(({ key }) => svg('rect', { class: `part ${key}` }));
    this.volume = svg('rect', { class: 'part gigabytes' });
    this.mark = svg('path', { class: 'mark', d: 'M0 -3 l5 -8 h-10 z' });
    this.group = svg('g', { class: 'column', role: 'img' }, this.hit, ...this.parts, this.volume, this.mark);
    this.group.addEventListener('pointerenter', () => chart.select(index));
    this.group.addEventListener('focus', () => chart.onFocus(index));
    this.group.addEventListener('blur', () => chart.onBlur());
    this.group.addEventListener('keydown', (event) => chart.onKey(event, index));
  }

  draw(slot, left, step, [eventsTop, volumeTop]) {
    const gap = Math.max(2, step * 0.14);
    const x = left + gap / 2;
    const width = Math.max(1, step - gap);
    setAttributes(this.hit, { x: left, width: step });
    let y = EVENTS.top + EVENTS.height;
    TYPES.forEach(({ key }, index) => {
      const height = (slot.counts[key] / eventsTop) * EVENTS.height;
      y -= height;
      setAttributes(this.parts[index], { x, y, width, height });
    });
    const volume = (slot.gigabytes / volumeTop) * VOLUME.height;
    setAttributes(this.volume, { x, y: VOLUME.top + VOLUME.height - volume, width, height: volume });
    setAttributes(this.mark, { transform: `translate(${x + width / 2} ${y})` });
    setAttributes(this.group, { 'data-status': slot.status, 'aria-label': describe(slot) });
  }
}

function describe(slot) {
  const time = `${formatHourMinute(slot.start)} to ${formatHourMinute(slot.end)} UTC`;
  if (slot.status === null) return `${time}: no events`;
  const counts = TYPES.map(({ key, label }) => `${label} ${formatCount(slot.counts[key])}`).join(', ');
  const late = slot.late > 0 ? `, ${formatCount(slot.late)} of them late` : '';
  return `${time}, ${slot.status}: ${formatCount(slot.total)} events${late}; ${counts}; ${formatAmount(slot.gigabytes)} GB`;
}
