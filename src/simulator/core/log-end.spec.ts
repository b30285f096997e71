import fc from 'fast-check';
import { LogEnd } from './log-end.js';

const event = (name: string, partition = 0) => ({ name, partition });
const names = (events: readonly { name: string }[]): string => events.map(({ name }) => name).join('');

describe('the end of the log', () => {
  it('moves on with what was sent, each partition for itself', () => {
    const log = new LogEnd(
      new Map([
        [0, 5n],
        [1, 7n],
      ]),
    );
    log.advance([event('a'), event('b', 1), event('c')]);
    expect([...log.ends]).toEqual([
      [0, 7n],
      [1, 8n],
    ]);
  });

  it('is kept apart from the map it was made of', () => {
    const given = new Map([[0, 5n]]);
    new LogEnd(given).advance([event('a')]);
    expect(given.get(0)).toBe(5n);
  });
});

describe('of a batch that may be in the log there are missing', () => {
  const batch = [event('a'), event('b', 1), event('c'), event('d', 1), event('e')];
  const missing = (first: bigint, second: bigint): string =>
    names(
      new LogEnd(
        new Map([
          [0, 10n],
          [1, 20n],
        ]),
      ).missing(
        batch,
        new Map([
          [0, first],
          [1, second],
        ]),
      ),
    );

  it.each<[string, bigint, bigint, string]>([
    ['all, where the log has not moved', 10n, 20n, 'abcde'],
    ['none, where it has gained as many', 13n, 22n, ''],
    ['those behind the first ones of a partition', 11n, 20n, 'bcde'],
    ['those behind the first ones of each partition', 12n, 21n, 'de'],
    ['those of the other partition, where one has all', 10n, 22n, 'ace'],
    ['all of a partition to which others write, as nothing can be told of it', 14n, 21n, 'acde'],
    ['all, where the log is shorter than it was', 9n, 0n, 'abcde'],
  ])('%s', (_, first, second, expected) => {
    expect(missing(first, second)).toBe(expected);
  });

  it('all, where the log tells nothing of a partition', () => {
    expect(names(new LogEnd(new Map([[0, 10n]])).missing([event('a')], new Map()))).toBe('a');
  });

  it('exactly those that it has not taken, whatever it has taken of each partition', () => {
    const anyBatch = fc.array(fc.nat(3), { maxLength: 50 });
    fc.assert(
      fc.property(anyBatch, fc.array(fc.nat(50), { minLength: 4, maxLength: 4 }), (partitions, taken) => {
        const events = partitions.map((partition, position) => ({ partition, position }));
        const before = new Map(taken.map((_, partition) => [partition, BigInt(partition * 100)]));
        const actual = new Map(before);
        const left = events.filter(({ partition, position }) => {
          const inPartition = events.filter(
            (each) => each.partition === partition && each.position < position,
          );
          if (inPartition.length >= taken[partition]!) return true;
          actual.set(partition, actual.get(partition)! + 1n);
          return false;
        });
        const log = new LogEnd(before);
        expect(log.missing(events, actual)).toEqual(left);
        log.advance(events);
        // Sent once more, what was missing completes the batch.
        for (const { partition } of left) actual.set(partition, actual.get(partition)! + 1n);
        expect(actual).toEqual(log.ends);
      }),
    );
  });
});
