import { formatBytes, formatProgress, summaryLines } from './run-summary.js';

const summary = {
  status: 'finished',
  sent: 1_500_000,
  bytes: 375_000_000,
  seconds: 30.04,
  eventsPerSecond: 49_933.4,
  seed: 7,
  startTime: Date.UTC(2025, 10, 8),
  answer: null,
  first: new Map(),
};
const partition = (number: number, anomalies: Record<string, number>) => ({
  ...{ partition: number, sent: 750_000, counted: 700_000, lateCounted: 40_000, duplicates: 12 },
  anomalies,
});

describe('a summary', () => {
  it('says what was sent, and how to do it again', () => {
    expect([...summaryLines(summary)]).toEqual([
      'finished: 1,500,000 events, 375.00 MB, 30.0 s, 49,933 events/s',
      '  again: --seed 7 --start-time 2025-11-08T00:00:00.000Z, and the same parameters',
    ]);
  });

  it('has partitions, with offsets where there is a log, and what becomes of the events', () => {
    const answer = {
      partitions: [
        partition(0, { missing_msisdn: 4000, too_late: 6000 }),
        partition(1, { missing_msisdn: 10_000 }),
      ],
      windows: [],
      doubt: null,
    };
    expect([...summaryLines({ ...summary, answer, first: new Map([[0, 5n]]) })].slice(1, -1)).toEqual([
      '  partition 0: 750,000 events, offsets 5 to 750005',
      '  partition 1: 750,000 events',
      '  counted 1,400,000, late 80,000, anomalies 20,000 (missing_msisdn 14,000, too_late 6,000); repeats 24',
    ]);
  });
});

describe('progress', () => {
  it('tells how long it will take, where there is an end', () => {
    expect(formatProgress({ sent: 1000, eventsPerSecond: 100 }, 6000)).toBe(
      '1,000 of 6,000 events | 100/s | ETA 50 s',
    );
    expect(formatProgress({ sent: 0, eventsPerSecond: 0 }, 6000)).toBe('0 of 6,000 events | 0/s | ETA –');
    expect(formatProgress({ sent: 1000, eventsPerSecond: 99.6 }, null)).toBe('1,000 events | 100/s');
  });
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [755_390_000, '755.39 MB'],
  [1.2e15, '1200.00 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
