import fc from 'fast-check';
import { logRecord, type LogRecord } from '../../transport/record-batch.js';
import { takeIn, type IntakeRules, type TakeIn } from './intake.js';
import { judged } from './judge.js';
import { imbalanceOf } from './ledger.js';
import { PartitionDelta } from './partition-delta.js';
import { sabotagedTakeIn } from './sabotage.js';

const rules: IntakeRules = {
  maxEventBytes: 1_048_576,
  maxLateness: 7 * 86_400_000_000,
  watermarkDelay: 0,
  lateEvents: 'amend',
};
const origin = { topic: 'telecom_events', partition: 0, incarnation: 1 };
const NOON = Date.parse('2025-11-08T12:00:00Z');

/** A record for each: an event of that minute after noon, or one that is none. */
const recordsOf = (minutes: readonly (number | 'broken')[]): LogRecord[] =>
  minutes.map((minute, offset) => {
    const event = {
      msisdn: '77010000001',
      region: `Region ${minute}`,
      timestamp: new Date(NOON + Number(minute) * 60_000),
      event_type: 'balance_recharge',
      amount: 1,
    };
    const value = Buffer.from(minute === 'broken' ? '{' : JSON.stringify(event));
    return logRecord(offset, NOON + 3_600_000, value);
  });

function take(records: readonly LogRecord[], how: TakeIn, delta = new PartitionDelta(0n, null)) {
  for (const record of records) how(judged(record, rules.maxEventBytes), origin, delta, rules, NOON);
  return delta;
}
const countsOf = (delta: PartitionDelta) =>
  Object.fromEntries(
    [...delta.windows]
      .filter(({ metricType }) => metricType === 'region_agg')
      .map(({ metricKey, eventCount }) => [metricKey, eventCount]),
  );
const sumOf = (delta: PartitionDelta) => [...delta.windows].reduce((sum, row) => sum + row.sumMicros, 0n);

describe('a sabotaged intake', () => {
  const records = recordsOf([1, 'broken', 2, 3, 4, 'broken', 5, 6, 7]);

  it('drops the windows of every third accepted event', () => {
    const delta = take(records, sabotagedTakeIn({ fault: 'drop', oneIn: 3 }));
    expect(countsOf(delta)).toEqual({
      'Region 1': 1,
      'Region 2': 1,
      'Region 4': 1,
      'Region 5': 1,
      'Region 7': 1,
    });
    expect(sumOf(delta)).toBe(5_000_000n);
  });

  it('counts every third accepted event twice in its windows', () => {
    const delta = take(records, sabotagedTakeIn({ fault: 'double', oneIn: 3 }));
    expect(countsOf(delta)).toMatchObject({ 'Region 2': 1, 'Region 3': 2, 'Region 6': 2, 'Region 7': 1 });
    expect(sumOf(delta)).toBe(9_000_000n);
  });

  it('hits them all when it is one in one', () => {
    expect(countsOf(take(records, sabotagedTakeIn({ fault: 'drop', oneIn: 1 })))).toEqual({});
  });

  it('goes on counting in the next delta, of whichever partition', () => {
    const intake = sabotagedTakeIn({ fault: 'drop', oneIn: 3 });
    take(recordsOf([1, 2]), intake);
    expect(countsOf(take(recordsOf([3, 4]), intake))).toEqual({ 'Region 4': 1 });
  });

  it('leaves everything else as it would be: ledger, anomalies, newest event time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 59 }), fc.constant('broken' as const)), {
          maxLength: 40,
        }),
        fc.constantFrom('drop' as const, 'double' as const),
        fc.integer({ min: 1, max: 5 }),
        (minutes, fault, oneIn) => {
          const { windows, ...sabotaged } = take(recordsOf(minutes), sabotagedTakeIn({ fault, oneIn }));
          const { windows: whole, ...honest } = take(recordsOf(minutes), takeIn);
          expect(sabotaged).toEqual(honest);
          expect(imbalanceOf(sabotaged.ledger)).toBe(0);
          const hits = Math.floor((honest.ledger.counted + honest.ledger.lateCounted) / oneIn);
          const [gained, right] = [windows, whole].map((each) =>
            [...each].reduce((sum, row) => sum + row.eventCount, 0),
          );
          expect(gained).toBe(right! + 2 * hits * (fault === 'drop' ? -1 : 1));
        },
      ),
    );
  });
});
