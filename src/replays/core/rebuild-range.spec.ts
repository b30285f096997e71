import fc from 'fast-check';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS, type WindowSpec } from '../../aggregation/core/window-spec.js';
import { RebuildRange } from './rebuild-range.js';

const at = (time: string): number => Date.parse(`2025-11-08T${time}Z`);
const range = new RebuildRange(at('22:33:00'), at('22:58:00'));
const windowsIn = ({ from, to }: RebuildRange, spec: WindowSpec): number[] => {
  const starts: number[] = [];
  for (let start = spec.startOf(from); start < to; start = spec.endOf(start))
    if (start >= from && spec.endOf(start) <= to) starts.push(start);
  return starts;
};

describe('a range of windows to be made anew', () => {
  it.each([
    // 22:30   22:35   22:40   22:45   22:50   22:55   23:00
    //      [22:33 ─────────────────────────────── 22:58)
    [EVENT_TYPE_WINDOWS, ['22:35', '22:40', '22:45', '22:50']],
    [REGION_WINDOWS, ['22:40']],
  ])('holds the windows of $metricType that lie in it wholly', (spec, expected) => {
    const held = [];
    for (let windowStart = at('22:00:00'); windowStart < at('23:30:00'); windowStart += spec.sizeMs)
      if (range.holds({ windowStart, windowEnd: spec.endOf(windowStart) })) held.push(windowStart);
    expect(held.map((start) => new Date(start).toISOString().slice(11, 16))).toEqual(expected);
  });

  it.each([
    ['22:35:00', '22:40:00', true],
    ['22:35:00', '22:39:59.999', false],
    ['22:35:00.001', '22:40:00', false],
    ['22:35:00.001', '22:44:59.999', false],
    ['22:35:00.001', '22:45:00', true],
    ['22:34:59.999', '22:40:00', true],
  ])('[%s, %s) has a window of 5 minutes: %s', (from, to, expected) => {
    expect(new RebuildRange(at(from), at(to)).hasWindowOf(EVENT_TYPE_WINDOWS)).toBe(expected);
  });

  it('has a window when there is one that it holds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3_600_000 }),
        fc.integer({ min: 1, max: 1_800_000 }),
        fc.constantFrom(EVENT_TYPE_WINDOWS, REGION_WINDOWS),
        (begin, length, spec) => {
          const some = new RebuildRange(at('22:00:00') + begin, at('22:00:00') + begin + length);
          expect(some.hasWindowOf(spec)).toBe(windowsIn(some, spec).length > 0);
        },
      ),
    );
  });

  it.each([
    ['22:35:00.000000', '22:40:00.000000', true],
    ['22:35:00.000001', '22:40:00.000000', false],
    ['22:35:00.000999', '22:45:00.000000', true],
    ['22:35:00.000000', '22:39:59.999999', false],
    ['22:34:59.999999', '22:40:00.000001', true],
  ])('between the instants %s and %s has a window of 5 minutes: %s', (from, to, expected) => {
    const exact = RebuildRange.between(`2025-11-08T${from}Z`, `2025-11-08T${to}Z`);
    expect(exact.hasWindowOf(EVENT_TYPE_WINDOWS)).toBe(expected);
  });

  it.each([
    // 22:33        22:40              22:50       22:58
    //   [            |─ all windows of ─|             )
    ['22:35:00', 0, false],
    ['22:39:59.999', 999, false],
    ['22:40:00', 0, true],
    ['22:49:59.999', 999, true],
    ['22:50:00', 0, false],
  ])('covers an event at %s and %d microseconds, with all of its windows: %s', (time, micros, expected) => {
    const eventTime = at(time) * 1000 + micros;
    expect(range.covers(eventTime, null)).toBe(expected);
    // The time of its record says nothing then.
    expect(range.covers(eventTime, at(expected ? '23:30:00' : '22:40:00'))).toBe(expected);
  });

  it.each([
    ['22:32:59.999', false],
    ['22:33:00', true],
    ['22:57:59.999', true],
    ['22:58:00', false],
  ])('covers a record of %s without a valid event time: %s', (time, expected) => {
    expect(range.covers(null, at(time))).toBe(expected);
  });

  it('does not cover what has no time at all', () => {
    expect(range.covers(null, null)).toBe(false);
  });
});
