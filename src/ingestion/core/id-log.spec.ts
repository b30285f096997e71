import fc from 'fast-check';
import { ID_WORDS, IdLog } from './id-log.js';

const NOW = Date.UTC(2025, 10, 8);

interface Id {
  readonly seq: number;
  readonly high: number;
  readonly low: number;
  readonly stamp: number;
}

const idsOf = (log: IdLog, from = log.from): Id[] =>
  log.runs(from).flatMap(({ seq, since, ids }) =>
    Array.from({ length: ids.length / ID_WORDS }, (_, n) => ({
      ...{ seq: seq + n, high: ids[n * ID_WORDS]!, low: ids[n * ID_WORDS + 1]! },
      stamp: since + ids[n * ID_WORDS + 2]!,
    })),
  );

describe('a log of ids', () => {
  const step = fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        by: fc.oneof(
          { weight: 6, arbitrary: fc.nat(3) },
          // What 31 bits hold, a little less and a little more.
          { weight: 1, arbitrary: fc.integer({ min: 2 ** 31 - 3, max: 2 ** 31 + 3 }) },
        ),
        times: fc.oneof(fc.nat(3), fc.nat(300)),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('forgetBefore' as const), back: fc.nat(20) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('keep' as const), most: fc.nat(500) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('startAt' as const), gap: fc.nat(100) }) },
  );

  it('is a list whose first ones leave', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const log = new IdLog();
        let model: Id[] = [];
        let next = 0;
        let stamp = NOW;
        for (const each of steps) {
          if (each.kind === 'append') {
            stamp += each.by;
            for (let n = 0; n < each.times; n++, next++) {
              const id = { seq: next, high: Math.imul(next, 7919), low: ~next, stamp };
              log.append(id.high, id.low, stamp);
              model.push(id);
            }
          } else if (each.kind === 'forgetBefore') {
            log.forgetBefore(stamp - each.back);
            model = model.filter((id) => id.stamp >= stamp - each.back);
          } else if (each.kind === 'keep') {
            expect(log.keep(each.most)).toBe(Math.max(0, model.length - each.most));
            model = model.slice(Math.max(0, model.length - each.most));
          } else {
            next += each.gap;
            log.startAt(next);
            model = [];
          }
          expect([log.from, log.until]).toEqual([model[0]?.seq ?? next, next]);
          expect(idsOf(log)).toEqual(model);
          const some = model.filter((_, index) => index % 50 === 0);
          expect(some.map(({ seq }) => log.stampOf(seq))).toEqual(some.map((id) => id.stamp));
          expect(some.every(({ seq, high, low }) => log.holds(seq, high, low))).toBe(true);
          expect(some.some(({ seq, high, low }) => log.holds(seq, high, low ^ 1))).toBe(false);
          expect(some.some(({ seq, high, low }) => log.holds(seq, high ^ 1, low))).toBe(false);
        }
      }),
    );
  });

  it.each([
    ['when the memory of those was just full', 64, 1],
    ['when time jumps further than 31 bits', 10, 2 ** 31],
  ])('goes on where all were forgotten, %s', (_, ids, jump) => {
    const log = new IdLog();
    for (let id = 0; id < ids; id++) log.append(id, 1, NOW);
    log.forgetBefore(NOW + jump);
    for (let id = 0; id < 3; id++) log.append(id, 2, NOW + jump);
    expect(log.keep(2)).toBe(1);
    expect(idsOf(log).map(({ seq, high }) => [seq, high])).toEqual([
      [ids + 1, 1],
      [ids + 2, 2],
    ]);
  });

  it('shows the same later as it has shown', () => {
    const log = new IdLog();
    for (let id = 0; id < 100_000; id++) log.append(id, -id, NOW + id);
    log.release(90_000);
    const views = log.runs(90_000);
    const before = views.map(({ ids }) => [...ids]);
    for (let id = 0; id < 100_000; id++) log.append(id, 1, NOW + 200_000);
    log.keep(10);
    for (let id = 0; id < 100_000; id++) log.append(id, 2, NOW + 200_000);
    expect(views.map(({ ids }) => [...ids])).toEqual(before);
  });

  it('uses the memory of ids again that are forgotten and released', () => {
    const log = new IdLog();
    const memories = new Set<unknown>();
    for (let id = 0; id < 1_000_000; id++) {
      log.append(id, -id, NOW);
      log.keep(50_000);
      if (id % 10_000 !== 0) continue;
      log.release(log.until);
      for (const { ids } of log.runs(log.from)) memories.add(ids.buffer);
    }
    expect(memories.size).toBeLessThan(20);
    expect(idsOf(log).every(({ seq, high, low }) => high === seq && low === -seq)).toBe(true);
  });

  it('knows nothing of an id that it never held', () => {
    expect(() => new IdLog().stampOf(3)).toThrow(new RangeError('No id has the number 3'));
  });
});
