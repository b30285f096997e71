import type { PartitionAnswer } from './answer-key.js';
import {
  differencesOfAnomalies,
  differencesOfLedger,
  differencesOfWindow,
  type ComparedWindow,
} from './differences.js';
import { totalsOf, type LedgerCounts } from './expected-ledger.js';

const answer: PartitionAnswer = {
  ...{ partition: 3, sent: 100, counted: 76, lateCounted: 10, duplicates: 4 },
  anomalies: { missing_msisdn: 7, too_late: 3 },
};

describe('differences of a window', () => {
  const sums = { eventCount: 5, lateEvents: 1, sumMicros: 9_007_199_254_740_993n };
  const place = {
    ...{ in: 'window', metricType: 'event_type_agg', metricKey: 'data_session' },
    windowStart: '2025-11-08T10:15:00Z',
  };
  const window = (actual: Partial<ComparedWindow['actual']>, actualValue = 2): ComparedWindow => ({
    ...{ metricType: 'event_type_agg', metricKey: 'data_session' },
    windowStart: new Date('2025-11-08T10:15:00Z'),
    ...{ expected: sums, actual: { ...sums, ...actual }, expectedValue: 1, actualValue },
  });

  it('are those of its fields, each with what must be and what is', () => {
    expect(differencesOfWindow(window({ eventCount: 4 }))).toEqual([
      { ...place, field: 'eventCount', expected: 5, actual: 4 },
    ]);
    expect(differencesOfWindow(window({ lateEvents: 0 }))).toEqual([
      { ...place, field: 'lateEvents', expected: 1, actual: 0 },
    ]);
  });

  it('of sums are texts, exact beyond what a number of JSON holds', () => {
    expect(differencesOfWindow(window({ sumMicros: 9_007_199_254_740_992n }))).toEqual([
      { ...place, field: 'sumMicros', expected: '9007199254740993', actual: '9007199254740992' },
    ]);
  });

  it('are all that there are', () => {
    const fields = differencesOfWindow(window({ eventCount: 0, lateEvents: 0, sumMicros: 0n })).map(
      ({ field }) => field,
    );
    expect(fields).toEqual(['eventCount', 'lateEvents', 'sumMicros']);
  });

  it('are those of the value only where all else is right', () => {
    expect(differencesOfWindow(window({}))).toEqual([
      { ...place, field: 'metricValue', expected: 1, actual: 2 },
    ]);
  });
});

describe('differences of the ledger', () => {
  const before = { consumed: 1000, counted: 900, late_counted: 50, anomalies: 50, duplicates: 1, skipped: 2 };
  const now = { consumed: 1100, counted: 976, late_counted: 60, anomalies: 60, duplicates: 5, skipped: 2 };
  const differences = (over: Partial<LedgerCounts>) =>
    differencesOfLedger({ partition: 3, ledgerBefore: before, answer }, { ...now, ...over });

  it('there are none where the counts have gained what was sent', () => {
    expect(differences({})).toEqual([]);
  });

  it.each(Object.keys(now) as (keyof LedgerCounts)[])(
    'are told by what the count has gained: %s',
    (field) => {
      const expected = now[field] - before[field];
      expect(differences({ [field]: now[field] - 1 })).toEqual([
        { in: 'ledger', partition: 3, field, expected, actual: expected - 1 },
      ]);
    },
  );
});

describe('differences of anomalies', () => {
  const differences = (found: Record<string, number>) =>
    differencesOfAnomalies(
      answer,
      Object.entries(found).map(([reason, count]) => ({ reason, count })),
    );
  const place = { in: 'anomalies', partition: 3 };

  it('there are none where each reason has as many', () => {
    expect(differences({ too_late: 3, missing_msisdn: 7 })).toEqual([]);
  });

  it('are told by reason: fewer, more, and none that must be or may be', () => {
    expect(differences({ missing_msisdn: 6, late_event: 2 })).toEqual([
      { ...place, field: 'late_event', expected: 0, actual: 2 },
      { ...place, field: 'missing_msisdn', expected: 7, actual: 6 },
      { ...place, field: 'too_late', expected: 3, actual: 0 },
    ]);
  });
});

describe('totals', () => {
  it('are the sums over all partitions, by reason', () => {
    const other = { ...answer, partition: 4, anomalies: { too_late: 1, invalid_amount: 2 } };
    expect(totalsOf([answer, other])).toEqual({
      ...{ sent: 200, counted: 152, lateCounted: 20, duplicates: 8 },
      anomalies: { missing_msisdn: 7, too_late: 4, invalid_amount: 2 },
    });
  });

  it('of nothing are nothing', () => {
    expect(totalsOf([])).toEqual({ sent: 0, counted: 0, lateCounted: 0, duplicates: 0, anomalies: {} });
  });
});
