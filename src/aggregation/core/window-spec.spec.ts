import fc from 'fast-check';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS, WindowSpec } from './window-spec.js';

describe('WindowSpec', () => {
  //  22:30      22:35      22:40
  //    [──────────)[──────────)
  it('puts an event on the boundary into the window that begins there', () => {
    const boundary = Date.parse('2025-11-08T22:35:00Z');
    expect(EVENT_TYPE_WINDOWS.startOf(boundary)).toBe(boundary);
    expect(EVENT_TYPE_WINDOWS.startOf(boundary - 1)).toBe(boundary - 300_000);
    expect(REGION_WINDOWS.startOf(boundary)).toBe(Date.parse('2025-11-08T22:30:00Z'));
  });

  it('holds every instant in exactly one window, aligned to the epoch', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e15, max: 1e15 }),
        fc.constantFrom(1000, 300_000, 600_000, 86_400_000),
        (instant, size) => {
          const spec = new WindowSpec('test', size);
          const start = spec.startOf(instant);
          expect(start <= instant && instant < spec.endOf(start)).toBe(true);
          expect(Math.abs(start % size)).toBe(0);
        },
      ),
    );
  });

  it.each([0, -1000, 1500.5, 999, 7_000_000, NaN, Infinity])('refuses a size of %s ms', (size) => {
    expect(() => new WindowSpec('test', size)).toThrow(RangeError);
  });

  it('refuses a metric type that the table cannot hold', () => {
    expect(() => new WindowSpec('', 1000)).toThrow(RangeError);
    expect(() => new WindowSpec('x'.repeat(51), 1000)).toThrow(RangeError);
  });
});
