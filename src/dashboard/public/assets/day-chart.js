import { LEFT, ValueAxis } from './chart-parts.js';
import { ColumnCursor } from './column-cursor.js';
import { DAYS } from './days.js';
import { setAttributes, setText, svg } from './dom.js';
import { formatDay, plural } from './format.js';
import { axisTop } from './windows.js';

/** Right of the bars there is room for half of the last date. */
const RIGHT = 16;
const TOP = 14;
const BELOW = 24;
const LEAST = { width: 200, height: 160 };
const DAYS_A_LABEL = 7;

/**
 * A bar for the events of each day. Every one is a button that picks its day.
 * @param onSelect told which day is under pointer or focus, by its place from 0, or null
 * @param onPick told which day was clicked, by its place
 */
export class DayChart {
  places = [];
  picked = null;

  constructor(parent, { onSelect, onPick }) {
    this.description = svg('desc', { id: 'days-desc' });
    this.axis = new ValueAxis();
    this.dates = svg('g', { class: 'axis', 'aria-hidden': 'true' });
    this.columns = Array.from({ length: DAYS }, (_, index) => new DayColumn(() => onPick(index)));
    const groups = this.columns.map(({ group }) => group);
    this.svg = svg(
      'svg',
      { role: 'group', 'aria-labelledby': 'days-title', 'aria-describedby': 'days-desc' },
      this.description,
      this.axis.group,
      this.dates,
      ...groups,
    );
    parent.append(this.svg);
    this.cursor = new ColumnCursor(this.svg, groups, onSelect);
    new ResizeObserver(([entry]) => this.resize(entry.contentRect)).observe(parent);
    this.resize(parent.getBoundingClientRect());
  }

  /** @param picked the day that is shown beside the chart */
  show(places, picked) {
    this.places = places;
    this.picked = picked;
    const counted = places.filter(({ total }) => total !== null).length;
    setText(
      this.description,
      `${DAYS} days from ${places[0].day} to ${places.at(-1).day}, ${counted} of them with daily stats. ` +
        'Arrow keys go from day to day, Enter shows one.',
    );
    this.draw();
  }

  resize({ width, height }) {
    this.width = Math.max(width, LEAST.width);
    this.height = Math.max(height, LEAST.height);
    setAttributes(this.svg, {
      width: this.width,
      height: this.height,
      viewBox: `0 0 ${this.width} ${this.height}`,
    });
    this.draw();
  }

  draw() {
    if (this.places.length === 0) return;
    const step = (this.width - LEFT - RIGHT) / DAYS;
    const panel = { top: TOP, height: this.height - TOP - BELOW };
    const top = axisTop(Math.max(...this.places.map(({ total }) => total ?? 0)), 4);
    this.axis.draw(panel, top, this.width - RIGHT);
    this.drawDates(step);
    const bars = { base: this.height - BELOW, scale: panel.height / top };
    this.columns.forEach((column, index) =>
      column.draw(
        this.places[index],
        this.places[index].day === this.picked,
        { left: LEFT + index * step, step },
        bars,
      ),
    );
  }

  drawDates(step) {
    const base = this.height - BELOW;
    const labels = this.places
      .map(({ day }, index) => ({ day, x: LEFT + (index + 0.5) * step }))
      .filter((_, index) => (DAYS - 1 - index) % DAYS_A_LABEL === 0);
    this.dates.replaceChildren(
      ...labels.flatMap(({ day, x }) => [
        svg('line', { x1: x, x2: x, y1: base, y2: base + 5 }),
        svg('text', { x, y: base + 19, 'text-anchor': 'middle', text: day.slice(5) }),
      ]),
    );
  }
}

/** One day: its bar, a line below it while it is picked, and a place over both to point at. */
class DayColumn {
  constructor(onPick) {
    this.title = svg('title');
    this.hit = svg('rect', { class: 'hit', y: 0 });
    this.bar = svg('rect', { class: 'part data_session' });
    this.mark = svg('rect', { class: 'pick', height: 3 });
    this.group = svg('g', { class: 'column day', role: 'button' }, this.title, this.hit, this.bar, this.mark);
    this.group.addEventListener('click', onPick);
    this.group.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      onPick();
    });
  }

  draw({ day, total }, isPicked, { left, step }, { base, scale }) {
    const gap = Math.max(2, step * 0.2);
    const x = left + gap / 2;
    const width = Math.max(1, step - gap);
    const height = (total ?? 0) * scale;
    setAttributes(this.hit, { x: left, width: step, height: base + 4 });
    setAttributes(this.bar, { x, y: base - height, width, height });
    setAttributes(this.mark, { x: left, y: base + 1, width: step });
    setAttributes(this.group, { 'aria-pressed': isPicked });
    setText(this.title, `${formatDay(day)}: ${total === null ? 'no daily stats' : plural(total, 'event')}`);
  }
}
