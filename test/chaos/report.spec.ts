import { Random } from '../../chaos/random.mjs';
import { quantile, render, summarise } from '../../chaos/report.mjs';

describe("the chaos suite's figures", () => {
  it('take the nearest rank', () => {
    const values = Array.from({ length: 20 }, (_, i) => 20 - i);
    expect([quantile(values, 0.5), quantile(values, 0.95), quantile(values, 1)]).toEqual([10, 19, 20]);
    expect(quantile([7], 0.5)).toBe(7);
    expect(quantile([], 0.5)).toBeNull();
  });

  it('add up over rounds, those that broke off included', () => {
    const round = { name: 'one', seed: 1, seconds: 1, problems: [] };
    const summary = summarise([
      {
        ...round,
        ...{ status: 'passed', records: 10, fenced: 1, redelivered: 3, peakMb: 100 },
        recoveries: [
          { fault: 'kill -9', ms: 6_000 },
          { fault: 'zombie', ms: 1_000 },
        ],
      },
      { ...round, status: 'failed', recoveries: [{ fault: 'kill -9', ms: 8_000 }] },
      { ...round, status: 'skipped' },
    ]);
    expect(summary).toMatchObject({ passed: 1, failed: 1, skipped: 1, records: 10, fenced: 1, peakMb: 100 });
    expect(summary.recoveryByFault['kill -9']).toEqual({ count: 2, p50: 6_000, p95: 8_000, max: 8_000 });
    expect(render(summary)).toContain('kill -9');
  });
});

describe('random numbers of the chaos suite', () => {
  it('are those of the seed', () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return [
        random.between(1, 6),
        random.pick(['a', 'b', 'c']),
        random.shuffle([1, 2, 3, 4]),
        random.next(),
      ];
    };
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
  });

  it('stay within their bounds', () => {
    const random = new Random(1);
    const drawn = Array.from({ length: 1_000 }, () => random.between(3, 5));
    expect(new Set(drawn)).toEqual(new Set([3, 4, 5]));
  });
});
