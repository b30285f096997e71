import { setAttributes, setText, svg } from './dom.js';
import { formatAmount, formatCompact, formatCount, formatHourMinute } from './format.js';
import { TYPES } from './windows.js';

/** Room for the values of the axes, in pixels. */
export const LEFT = 44;

/** Three lines across a panel, with their values. */
export class ValueAxis {
  constructor() {
    this.lines = [0, 0.5, 1].map((share) => ({
      share,
      line: svg('line', { x1: LEFT }),
      label: svg('text', { x: LEFT - 8, 'text-anchor': 'end' }),
    }));
    this.group = svg(
      'g',
      { class: 'axis', 'aria-hidden': 'true' },
      ...this.lines.flatMap(({ line, label }) => [line, label]),
    );
  }

  draw(panel, top, width) {
    for (const { share, line, label } of this.lines) {
      const y = panel.top + panel.height * (1 - share) + 0.5;
      setAttributes(line, { y1: y, y2: y, x2: width });
      setAttributes(label, { y: y + 4 });
      setText(label, formatCompact(top * share));
    }
  }
}

/** One window: its stack of events, its data volume, and a place over both to point at. */
export class Column {
  constructor() {
    this.title = svg('title');
    this.hit = svg('rect', { class: 'hit', y: 0 });
    this.parts = TYPES.map(({ key }) => svg('rect', { class: `part ${key}` }));
    this.volume = svg('rect', { class: 'part gigabytes' });
    this.mark = svg('path', { class: 'mark', d: 'M0 -3 l5 -8 h-10 z' });
    this.group = svg(
      'g',
      { class: 'column', role: 'img' },
      this.title,
      this.hit,
      ...this.parts,
      this.volume,
      this.mark,
    );
  }

  draw(slot, { left, step, height }, [events, volume]) {
    const gap = Math.max(2, step * 0.14);
    const x = left + gap / 2;
    const width = Math.max(1, step - gap);
    setAttributes(this.hit, { x: left, width: step, height });
    let y = events.base;
    TYPES.forEach(({ key }, index) => {
      const part = slot.counts[key] * events.scale;
      y -= part;
      setAttributes(this.parts[index], { x, y, width, height: part });
    });
    const part = slot.gigabytes * volume.scale;
    setAttributes(this.volume, { x, y: volume.base - part, width, height: part });
    setAttributes(this.mark, { transform: `translate(${x + width / 2} ${y})` });
    setAttributes(this.group, { 'data-status': slot.status });
    setText(this.title, describe(slot));
  }
}

function describe(slot) {
  const time = `${formatHourMinute(slot.start)} to ${formatHourMinute(slot.end)} UTC`;
  if (slot.status === null) return `${time}: no events`;
  const counts = TYPES.map(({ key, label }) => `${label} ${formatCount(slot.counts[key])}`).join(', ');
  const late = slot.late > 0 ? `, ${formatCount(slot.late)} of them late` : '';
  return `${time}, ${slot.status}: ${formatCount(slot.total)} events${late}; ${counts}; ${formatAmount(slot.gigabytes)} GB`;
}
