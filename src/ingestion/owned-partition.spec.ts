import { listed, logRecord, type LogRecord, type LogRecords } from '../transport/record-batch.js';
import type { Claim } from './checkpoint.repository.js';
import { takeIn, type IntakeRules } from './core/intake.js';
import { OwnedPartition } from './owned-partition.js';

const NOON = Date.parse('2025-11-08T12:00:00Z');
const rules: IntakeRules = { maxEventBytes: 1000, maxLateness: 1e12, watermarkDelay: 0, lateEvents: 'amend' };
const claim: Claim = {
  ...{ partition: 0, epoch: '1', incarnation: 1, logId: 'log', nextOffset: 10n },
  ...{ newestEventTime: null, halted: false },
};
const value = Buffer.from(
  JSON.stringify({ msisdn: '77010000001', event_type: 'sms', timestamp: '2025-11-08T12:00:00Z' }),
);
const records = (...offsets: number[]): LogRecord[] =>
  offsets.map((offset) => logRecord(offset, NOON, offset % 100 === 7 ? Buffer.from('{') : value));
const upTo = (from: number, until: number): number[] =>
  Array.from({ length: until - from }, (_, n) => from + n);

describe('an owned partition', () => {
  const newPartition = () => new OwnedPartition('topic', claim, takeIn, null);

  it('takes no more than it is asked to, and leaves the rest for the next time', () => {
    const partition = newPartition();
    const rest = listed(records(...upTo(10, 210)));
    expect([100, 70, 100].map((most) => partition.take(rest, most, rules, NOON))).toEqual([100, 70, 30]);
    expect(partition.position).toBe(210n);
    expect(partition.seal()!.ledger).toMatchObject({ consumed: 200, counted: 198, anomalies: 2, skipped: 0 });
  });

  it('counts what is missing between records as skipped, within and between groups', () => {
    const partition = newPartition();
    partition.take(listed(records(...upTo(12, 76), 80, ...upTo(90, 150))), 1000, rules, NOON);
    partition.skipTo(160n);
    expect(partition.position).toBe(160n);
    expect(partition.seal()!.ledger).toMatchObject({ consumed: 150, skipped: 2 + 4 + 9 + 10 });
  });

  it('throws what the reader throws, and can take other records then', () => {
    const [first] = records(10);
    let reads = 0;
    const broken: LogRecords = {
      next() {
        if (reads++ === 0) return first!;
        throw new Error('unreadable');
      },
    };
    expect(() => newPartition().take(broken, 100, rules, NOON)).toThrow('unreadable');
    expect(newPartition().take(listed(records(10, 11)), 100, rules, NOON)).toBe(2);
  });
});
