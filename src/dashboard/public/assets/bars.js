import { element, setText, show } from './dom.js';
import { formatCount, formatShare, printable } from './format.js';

/**
 * A list of horizontal bars, the longest as long as there is room.
 * @param bars `{key, label, total, parts: [{name, count}], note}`; a part's name is its CSS class
 * @param whole what shares are given of
 */
export function showBars(list, bars, whole) {
  const longest = Math.max(1, ...bars.map(({ total }) => total));
  show(list, bars, {
    key: ({ key }) => key,
    create: () =>
      element(
        'li',
        {},
        element('span', { class: 'bar-label' }),
        element('b'),
        element('span', { class: 'bar-share' }),
        element('span', { class: 'bar', 'aria-hidden': 'true' }),
        element('small', { class: 'bar-note' }),
      ),
    update: (node, { label, total, parts, note = '' }) => {
      const [name, count, share, bar, small] = node.children;
      setText(name, label);
      setText(count, formatCount(total));
      setText(share, whole > 0 ? formatShare(total / whole) : '');
      setText(small, note);
      show(bar, parts, {
        key: (part) => part.name,
        create: (part) => element('i', { class: part.name }),
        // Through the object model: the page's policy forbids style attributes.
        update: (segment, part) => (segment.style.width = `${(part.count / longest) * 100}%`),
      });
    },
  });
}

/**
 * A ranking as such bars, see `rankingOf`.
 * @param nameOf the CSS class of a key's bar
 */
export function showRanking(list, { ranked, more, total }, nameOf) {
  const bars = ranked.map(({ key, count }) => ({
    key: `key ${key}`,
    label: printable(key),
    total: count,
    parts: [{ name: nameOf(key), count }],
  }));
  if (more)
    bars.push({
      key: 'more',
      label: `${more.keys} more`,
      total: more.count,
      parts: [{ name: 'more', count: more.count }],
    });
  showBars(list, bars, total);
}
