import fc from 'fast-check';
import { ID_WORDS } from './id-log.js';
import { RecentIds, type NewIds } from './recent-ids.js';

const WINDOW = 1000;
const NOW = Date.UTC(2025, 10, 8);
const of = (window = WINDOW, most = 1_000_000): RecentIds => new RecentIds(window, most);
/** Ids are numbers here, with few values in either half. */
const halves = (id: number): [number, number] => [id % 7, Math.floor(id / 7) + 1];
/** @returns whether it is new */
const add = (ids: RecentIds, id: number, now: number): boolean => !ids.add(...halves(id), now);

/** What is stored, row by row, as the database gives it back. */
function restored(chunks: readonly (NewIds | null)[], window = WINDOW, most = 1_000_000): RecentIds {
  const ids = of(window, most);
  const firstSeq = chunks.findLast((chunk) => chunk !== null)?.firstSeq ?? 0;
  let until = 0;
  for (const chunk of chunks.flatMap((stored) => stored?.chunks ?? [])) {
    // Its key.
    const before = until;
    until = chunk.seq + chunk.ids.length / ID_WORDS;
    expect(until).toBeGreaterThan(before);
    if (until > firstSeq) ids.restore(chunk, firstSeq);
  }
  return ids;
}

/** What was drained, but for how it is cut. */
const summaryOf = (drained: NewIds | null) =>
  drained && {
    ...drained,
    chunks: drained.chunks.flatMap(({ seq, since, ids }) =>
      Array.from({ length: ids.length / ID_WORDS }, (_, n) => [
        seq + n,
        ...ids.subarray(n * ID_WORDS, n * ID_WORDS + 2),
        since + ids[n * ID_WORDS + 2]!,
      ]),
    ),
  };

describe('recent ids', () => {
  it('know an id for as long as the window is, to the millisecond', () => {
    for (const late of [0, 1, 250, 999, WINDOW]) {
      const ids = of();
      expect(add(ids, 1, NOW)).toBe(true);
      expect([late, add(ids, 1, NOW + late)]).toEqual([late, false]);
    }
    const ids = of();
    add(ids, 1, NOW);
    expect(ids.has(1, 1, NOW + WINDOW)).toBe(true);
    expect(ids.has(1, 1, NOW + WINDOW + 1)).toBe(false);
    expect(add(ids, 1, NOW + WINDOW + 1)).toBe(true);
  });

  it('know it from when it came last', () => {
    const ids = of();
    expect([0, WINDOW, 2 * WINDOW, 3 * WINDOW + 1].map((late) => add(ids, 1, NOW + late))).toEqual(
      [true, false, false, true], // prettier-ignore
    );
  });

  const step = fc.record({
    id: fc.nat(60),
    /** How far event time moves on, in milliseconds. */
    by: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(0, 0, -1, -500) },
      { weight: 8, arbitrary: fc.nat(40) },
      { weight: 4, arbitrary: fc.nat(3000) },
      // What 31 bits hold, a little less and a little more.
      { weight: 1, arbitrary: fc.integer({ min: 2 ** 31 - 1500, max: 2 ** 31 + 1500 }) },
      { weight: 1, arbitrary: fc.constant(2 ** 33) },
    ),
    /** Whether the memory goes to the database and comes back. */
    restart: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    drain: fc.boolean(),
  });

  const lengths = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(7 * 86_400_000));

  it('are a map of stamps, whatever the segments, tables and restarts', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), lengths, (steps, window) => {
        let ids = of(window);
        const model = new Map<number, number>();
        const stored: (NewIds | null)[] = [];
        let clock = -Infinity;
        for (const { id, by, restart, drain } of steps) {
          const now = (model.size === 0 ? NOW : clock) + by;
          clock = Math.max(clock, now);
          const before = model.get(id);
          const fresh = before === undefined || clock - before > window;
          model.set(id, clock);
          expect(add(ids, id, now)).toBe(fresh);
          for (const at of [clock, clock + window, clock + window + 1])
            expect([at - clock, ids.has(...halves(id), at)]).toEqual([at - clock, at <= clock + window]);
          if (drain || restart) stored.push(ids.drain());
          if (restart) ids = restored(stored, window);
        }
      }),
    );
  });

  it('remember many', () => {
    const ids = of();
    const all = Array.from({ length: 100_000 }, (_, id) => [id, Math.imul(id + 1, 0x9e3779b1)] as const);
    for (const [high, low] of all) ids.add(high, low, NOW + Math.floor(high / 1000));
    expect(all.every(([high, low]) => ids.has(high, low, NOW + 100))).toBe(true);
    expect(all.some(([high, low]) => ids.has(high + 100_000, low, NOW + 100))).toBe(false);
  });

  describe('that are more than memory may hold', () => {
    const fill = (ids: RecentIds, from: number, to: number): void => {
      for (let id = from; id < to; id++) add(ids, id, NOW + id);
    };

    it('forget the oldest, and no more', () => {
      const ids = of(1000, 600);
      fill(ids, 0, 601);
      expect(ids.has(0, 1, NOW + 601)).toBe(false);
      const known = Array.from({ length: 601 }, (_, id) => ids.has(...halves(id), NOW + 601));
      expect(known.map((isKnown, id) => (isKnown ? [] : [id])).flat()).toEqual([0]);
    });

    it.each([
      ['stands still', 0],
      ['goes on', 1],
    ])('forget no more when event time %s, and tell how many', (_, pace) => {
      const ids = of(600_000, 1000);
      for (let id = 0; id < 10_000; id++) add(ids, id, NOW + id * pace);
      const known = Array.from({ length: 10_000 }, (_, id) => ids.has(...halves(id), NOW));
      expect([known.lastIndexOf(false), known.indexOf(true)]).toEqual([8999, 9000]);
      expect(ids.drain()!.forgottenEarly).toBe(9000);
      add(ids, 0, NOW + 10_000);
      expect(ids.drain()!.forgottenEarly).toBe(1);
    });

    it('do not count what was too old anyway', () => {
      const ids = of(1000, 600);
      fill(ids, 0, 600);
      fill(ids, 5000, 5600);
      expect(ids.drain()!.forgottenEarly).toBe(0);
    });

    it('know the same after a restart', () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (steps, most) => {
          const through = of(WINDOW, most);
          let ids = of(WINDOW, most);
          const stored: (NewIds | null)[] = [];
          let clock = NOW;
          for (const { id, by, restart, drain } of steps) {
            const now = clock + by;
            clock = Math.max(clock, now);
            expect(add(ids, id, now)).toBe(add(through, id, now));
            if (drain || restart) {
              stored.push(ids.drain());
              expect(summaryOf(stored.at(-1)!)).toEqual(summaryOf(through.drain()));
            }
            if (restart) ids = restored(stored, WINDOW, most);
          }
        }),
      );
    });
  });

  it('lose none when event time moves on by more than 31 bits hold, between two of them', () => {
    const ids = of();
    const [first, second, third] = [NOW, NOW + 2 ** 31 - 2, NOW + 2 ** 31 + 1];
    for (const [id, now] of [first, second, third].entries()) add(ids, id + 1, now);
    const again = restored([ids.drain()]);
    expect([1, 2, 3].map((id) => again.has(...halves(id), third))).toEqual([false, true, true]);
  });

  it('tell which of what was drained is of no use any more', () => {
    const ids = of();
    add(ids, 1, NOW);
    add(ids, 2, NOW);
    expect(ids.drain()).toMatchObject({ firstSeq: 0, chunks: [{ seq: 0, ids: { length: 6 } }] });
    expect(ids.drain()).toBeNull();
    add(ids, 3, NOW + 5 * WINDOW);
    const [chunk] = ids.drain()!.chunks;
    expect(chunk).toMatchObject({ seq: 2, ids: { length: 3 } });
    expect(chunk!.since + chunk!.ids[2]!).toBe(NOW + 5 * WINDOW);
    for (let id = 4; id < 20; id++) add(ids, id, NOW + id * 5 * WINDOW);
    // Of those that came since, only the last is known still.
    expect(ids.drain()).toMatchObject({ firstSeq: 18, chunks: [{ seq: 18, ids: { length: 3 } }] });
  });

  it('are none where the window is 0', () => {
    expect(RecentIds.by({ DEDUPLICATION_WINDOW: 0, DEDUPLICATION_MAX_IDS: 1000 })).toBeNull();
    expect(RecentIds.by({ DEDUPLICATION_WINDOW: 1, DEDUPLICATION_MAX_IDS: 1000 })).toBeInstanceOf(RecentIds);
  });

  it('use their memory again when it is stored, and not before', () => {
    const ids = of(WINDOW, 50_000);
    const memories = new Set<unknown>();
    let id = 0;
    const addMany = (count: number): void => {
      for (const end = id + count; id < end; id++) ids.add(id, 1, NOW);
    };
    for (let flush = 0; flush < 40; flush++) {
      addMany(20_000);
      for (const chunk of ids.drain()?.chunks ?? []) memories.add(chunk.ids.buffer);
      ids.stored();
    }
    expect(memories.size).toBeLessThan(20);
    addMany(20_000);
    const drained = ids.drain();
    const before = summaryOf(drained);
    addMany(200_000);
    expect(summaryOf(drained)).toEqual(before);
  });
});
