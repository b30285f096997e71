import type { PartitionAnswer } from './answer-key.js';
import { expectedOf, locatedAnswer } from './expected.js';

const rules = {
  maxLateness: 60_000,
  watermarkDelay: 0,
  lateEvents: 'amend',
  deduplicationWindow: 600_000,
} as const;
const partition = (number: number, sent: number): PartitionAnswer => ({
  partition: number,
  sent,
  counted: sent - 1,
  lateCounted: 0,
  duplicates: 0,
  anomalies: { missing_msisdn: 1 },
});
const window = (metricType: string, metricKey: string, windowStart = 0) => ({
  metricType,
  metricKey,
  windowStart,
  eventCount: 3,
  lateEvents: 1,
  sumMicros: 2_048_500_000n,
});

describe('an answer key as JSON', () => {
  it('has totals, and partitions with their offsets', () => {
    const key = expectedOf(
      rules,
      [locatedAnswer(partition(0, 4), 10n, 14n), locatedAnswer(partition(1, 2), 0n, 2n)],
      [],
    );
    expect(key).toMatchObject({ rules, sent: 6, counted: 4, anomalies: { missing_msisdn: 2 } });
    expect(key.partitions).toEqual([
      { ...partition(0, 4), firstOffset: '10', endOffset: '14' },
      { ...partition(1, 2), firstOffset: '0', endOffset: '2' },
    ]);
  });

  it.each([
    ['event_type_agg', 'data_session', 2048.5 / 1024],
    ['event_type_agg', 'balance_recharge', 2048.5],
    ['event_type_agg', 'call_incoming', 3],
    ['region_agg', 'data_session', 3],
  ])('has the value of a window: %s %s', (metricType, metricKey, metricValue) => {
    expect(expectedOf(rules, [], [window(metricType, metricKey)]).windows).toEqual([
      {
        metricType,
        metricKey,
        windowStart: '1970-01-01T00:00:00Z',
        eventCount: 3,
        lateEvents: 1,
        sumMicros: '2048500000',
        metricValue,
      },
    ]);
  });

  it('has windows in order of time, then of names', () => {
    const { windows } = expectedOf(
      rules,
      [],
      [window('region_agg', 'b'), window('region_agg', 'a'), window('event_type_agg', 'c', 300_000)],
    );
    expect(windows.map(({ metricKey }) => metricKey)).toEqual(['a', 'b', 'c']);
  });
});
