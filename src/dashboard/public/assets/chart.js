import { Column, LEFT, ValueAxis } from './chart-parts.js';
import { ColumnCursor } from './column-cursor.js';
import { setAttributes, setText, svg } from './dom.js';
import { formatAmount, formatCount, formatHourMinute } from './format.js';
import { axisTop, WINDOW_MS, WINDOWS } from './windows.js';

const RIGHT = 4;
const TOP = 14;
/** Between the two panels, for the title of the lower one; and below, for the times. */
const BETWEEN = 38;
const BELOW = 24;
const LEAST = { width: 200, height: 260 };
const AXIS_MS = 3 * WINDOW_MS;

/**
 * Stacked bars of events and, below, of data volume, on one time axis.
 * @param onSelect told which window is under pointer or focus, by its place from 0, or null
 */
export class WindowChart {
  slots = [];

  constructor(parent, onSelect) {
    this.title = svg('title', { id: 'chart-title', text: 'Events and data volume per 5-minute window' });
    this.description = svg('desc', { id: 'chart-desc' });
    this.axes = [new ValueAxis(), new ValueAxis()];
    this.volumeTitle = svg('text', { class: 'panel-title', x: 0, text: 'Data volume, GB' });
    this.times = svg('g', { class: 'axis' });
    this.columns = Array.from({ length: WINDOWS }, () => new Column());
    const groups = this.columns.map(({ group }) => group);
    this.svg = svg(
      'svg',
      { role: 'group', 'aria-labelledby': 'chart-title', 'aria-describedby': 'chart-desc' },
      this.title,
      this.description,
      ...this.axes.map(({ group }) => group),
      this.volumeTitle,
      this.times,
      ...groups,
    );
    parent.append(this.svg);
    this.cursor = new ColumnCursor(this.svg, groups, onSelect);
    new ResizeObserver(([entry]) => this.resize(entry.contentRect)).observe(parent);
    this.resize(parent.getBoundingClientRect());
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

  resize({ width, height }) {
    this.width = Math.max(width, LEAST.width);
    this.height = Math.max(height, LEAST.height);
    const room = this.height - TOP - BETWEEN - BELOW;
    const events = { top: TOP, height: Math.round(room * 0.76) };
    const volume = { top: TOP + events.height + BETWEEN, height: room - events.height };
    this.panels = [events, volume];
    setAttributes(this.svg, {
      width: this.width,
      height: this.height,
      viewBox: `0 0 ${this.width} ${this.height}`,
    });
    setAttributes(this.volumeTitle, { y: volume.top - 14 });
    this.draw();
  }

  draw() {
    if (this.slots.length === 0) return;
    const step = (this.width - LEFT - RIGHT) / WINDOWS;
    const tops = [
      axisTop(Math.max(...this.slots.map(({ total }) => total)), 4),
      axisTop(Math.max(...this.slots.map(({ gigabytes }) => gigabytes)), 0.1),
    ];
    this.axes.forEach((axis, index) => axis.draw(this.panels[index], tops[index], this.width));
    this.drawTimes(step);
    const scales = this.panels.map(({ top, height }, index) => ({
      base: top + height,
      scale: height / tops[index],
    }));
    this.columns.forEach((column, index) =>
      column.draw(
        this.slots[index],
        { left: LEFT + index * step, step, height: this.height - BELOW },
        scales,
      ),
    );
  }

  drawTimes(step) {
    const base = this.height - BELOW;
    const labels = this.slots
      .map(({ start }, index) => ({ start, x: LEFT + index * step }))
      .filter(({ start }) => start % AXIS_MS === 0);
    this.times.replaceChildren(
      ...labels.flatMap(({ start, x }) => [
        svg('line', { x1: x, x2: x, y1: base, y2: base + 5 }),
        svg('text', { x, y: base + 19, 'text-anchor': 'middle', text: formatHourMinute(start) }),
      ]),
    );
  }
}
