import fc from 'fast-check';
import { WindowDeltas } from './window-deltas.js';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS } from './window-spec.js';

const addition = fc.record({
  spec: fc.constantFrom(EVENT_TYPE_WINDOWS, REGION_WINDOWS),
  window: fc.integer({ min: 0, max: 3 }),
  key: fc.constantFrom('call', 'sms', '__proto__', 'constructor', ''),
  micros: fc.integer({ min: 0, max: 1e15 }),
  late: fc.boolean(),
});
type Addition = typeof addition extends fc.Arbitrary<infer T> ? T : never;

function deltasOf(additions: readonly Addition[]): WindowDeltas {
  const deltas = new WindowDeltas();
  for (const { spec, window, key, micros, late } of additions)
    deltas.add(spec, window * spec.sizeMs, key, micros, late);
  return deltas;
}

const sorted = (deltas: WindowDeltas): string[] =>
  [...deltas]
    .map((delta) =>
      JSON.stringify(delta, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    )
    .sort();

describe('WindowDeltas', () => {
  it('does not depend on the order of the events', () => {
    fc.assert(
      fc.property(fc.array(addition), fc.infiniteStream(fc.nat()), (additions, random) => {
        const shuffled = additions
          .map((value) => ({ value, at: random.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ value }) => value);
        expect(sorted(deltasOf(shuffled))).toEqual(sorted(deltasOf(additions)));
      }),
    );
  });

  it('gives the same whether events are added at once or in parts that are merged', () => {
    fc.assert(
      fc.property(fc.array(addition), fc.array(addition), fc.array(addition), (a, b, c) => {
        const merged = deltasOf(a);
        merged.merge(deltasOf(b));
        merged.merge(deltasOf(c));
        expect(sorted(merged)).toEqual(sorted(deltasOf([...a, ...b, ...c])));
      }),
    );
  });

  it('stays exact far beyond 2^53 micro-units', () => {
    const deltas = new WindowDeltas();
    for (let i = 0; i < 20_000; i++)
      deltas.add(EVENT_TYPE_WINDOWS, 0, 'balance_recharge', 999_999_999_999_999, false);
    expect([...deltas][0]?.sumMicros).toBe(20_000n * 999_999_999_999_999n);
  });

  describe('the days of its windows', () => {
    const days = (...windows: readonly string[]): string[] => {
      const deltas = new WindowDeltas();
      for (const start of windows) {
        deltas.add(EVENT_TYPE_WINDOWS, Date.parse(start), 'sms', 0, false);
        deltas.add(EVENT_TYPE_WINDOWS, Date.parse(start), 'call', 0, true);
      }
      return [...deltas.days()].map((instant) => new Date(instant).toISOString()).sort();
    };

    it('are none without windows', () => {
      expect(days()).toEqual([]);
    });

    it('are there once each, whatever the number of windows and keys', () => {
      expect(days('2025-11-08T00:00Z', '2025-11-08T12:35Z', '2025-11-08T23:55Z')).toEqual([
        '2025-11-08T00:00:00.000Z',
      ]);
    });

    //   23:50   23:55   00:00   00:05
    //   ──)[──────)[──────)[──────)
    it('change at midnight in UTC, at the end of a month and a year and on 29 February too', () => {
      expect(
        days(
          '2024-02-29T00:00Z',
          '2024-02-29T23:55Z',
          '2024-03-01T00:00Z',
          '2025-12-31T23:55Z',
          '2026-01-01T00:00Z',
        ),
      ).toEqual([
        '2024-02-29T00:00:00.000Z',
        '2024-03-01T00:00:00.000Z',
        '2025-12-31T00:00:00.000Z',
        '2026-01-01T00:00:00.000Z',
      ]);
    });

    it('are right before 1970', () => {
      expect(days('1969-12-31T23:55Z', '1969-12-31T00:00Z', '1970-01-01T00:00Z')).toEqual([
        '1969-12-31T00:00:00.000Z',
        '1970-01-01T00:00:00.000Z',
      ]);
    });

    it('are those that the windows lie in, all of each window, also after a merge', () => {
      const anywhere = fc.array(
        fc.record({
          spec: fc.constantFrom(EVENT_TYPE_WINDOWS, REGION_WINDOWS),
          window: fc.integer({ min: -1000, max: 1000 }),
          key: fc.constantFrom('call', 'sms'),
          micros: fc.constant(0),
          late: fc.boolean(),
        }),
      );
      fc.assert(
        fc.property(anywhere, anywhere, (a, b) => {
          const deltas = deltasOf(a);
          deltas.merge(deltasOf(b));
          const dayOf = (instant: number): number => Math.floor(instant / 86_400_000) * 86_400_000;
          const windows = [...deltas];
          expect(deltas.days()).toEqual(new Set(windows.map(({ windowStart }) => dayOf(windowStart))));
          expect(deltas.days()).toEqual(new Set(windows.map(({ windowEnd }) => dayOf(windowEnd - 1))));
        }),
      );
    });
  });
});
