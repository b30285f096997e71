import { setAttributes } from './dom.js';

/**
 * Pointer and keyboard over the columns of a chart. One stop for the Tab key; arrow keys, Home and End go from column to
 * column.
 * @param chart the element around them
 * @param onSelect told which column is under pointer or focus, by its place from 0, or null
 */
export class ColumnCursor {
  constructor(chart, groups, onSelect) {
    this.groups = groups;
    this.onSelect = onSelect;
    groups.forEach((group, index) => {
      group.addEventListener('pointerenter', () => this.select(index));
      group.addEventListener('focus', () => this.onFocus(index));
      group.addEventListener('blur', () => this.onBlur());
      group.addEventListener('keydown', (event) => this.onKey(event, index));
    });
    chart.addEventListener('pointerleave', () => this.select(this.focused ?? null));
    this.tabStop(groups.length - 1);
  }

  select(index) {
    this.groups.forEach((group, other) => group.classList.toggle('selected', other === index));
    this.onSelect(index);
  }

  tabStop(index) {
    this.groups.forEach((group, other) => setAttributes(group, { tabindex: other === index ? 0 : -1 }));
  }

  onKey(event, index) {
    const last = this.groups.length - 1;
    const target = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.groups[Math.min(Math.max(target, 0), last)].focus();
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
