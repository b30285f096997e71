import fc from 'fast-check';
import type { WindowDelta } from '../../aggregation/core/window-deltas.js';
import { FirstWindows } from './first-windows.js';

const delta = (window: number, key: string): WindowDelta => ({
  metricType: 'region_agg',
  metricKey: key,
  windowStart: 1_762_560_000_000 + window * 600_000,
  windowEnd: 1_762_560_600_000 + window * 600_000,
  eventCount: 1,
  lateEvents: 1,
  sumMicros: 3n,
});
const nameOf = ({ windowStart, metricKey }: WindowDelta): string => `${windowStart} ${metricKey}`;

describe('the first windows', () => {
  it('are the same, with the same sums, as when all were kept, in any order of adding', () => {
    const windows = fc.array(fc.tuple(fc.nat(20), fc.constantFrom('a', 'b', 'c')), { maxLength: 200 });
    fc.assert(
      fc.property(windows, fc.integer({ min: 1, max: 10 }), (added, limit) => {
        const first = new FirstWindows(limit);
        const counts = new Map<string, number>();
        for (const [window, key] of added) {
          first.add(delta(window, key));
          const name = nameOf(delta(window, key));
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
        expect(first.list().map((sum) => [nameOf(sum), sum.eventCount, sum.sumMicros])).toEqual(
          [...counts]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .slice(0, limit)
            .map(([name, count]) => [name, count, 3n * BigInt(count)]),
        );
      }),
    );
  });
});
