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
});
