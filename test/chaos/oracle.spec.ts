import { readFileSync } from 'node:fs';
import { anomalyName, LogOracle, windowName, type Rules } from '../../chaos/oracle.mjs';
import { rulesOf } from '../../chaos/rules.mjs';
import { sampleRecords } from '../support/sample.js';

const rules = rulesOf({ DEDUPLICATION_WINDOW: '0s' });

/** Long after all event times: nothing is ahead of its record. */
const RECORDED = Date.parse('2030-01-01T00:00:00Z');

const at = (time: string, more: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      msisdn: '7',
      event_type: 'sms',
      timestamp: `2025-11-08T${time}Z`,
      region: 'R',
      ...more,
    }),
  );

/** What becomes of records of one partition, in a line each. */
function outcomes(values: readonly (Buffer | null)[], changed: Partial<Rules> = {}): string[] {
  const oracle = new LogOracle({ ...rules, ...changed });
  return values.map((value, offset) => {
    const before = oracle.answer().partitions.get(0);
    oracle.take(0, { offset, value, timestamp: RECORDED });
    const { partitions, anomalies } = oracle.answer();
    const after = partitions.get(0)!;
    if (after.anomalies > (before?.anomalies ?? 0)) return anomalies.get(anomalyName(0, 1, offset))!.reason;
    if (after.duplicates > (before?.duplicates ?? 0)) return 'duplicate';
    return after.lateCounted > (before?.lateCounted ?? 0) ? 'late' : 'counted';
  });
}

function csv(file: string): string[][] {
  return readFileSync(`test/fixtures/sample/${file}`, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
}

describe('the oracle of the chaos suite', () => {
  it('knows the answers of the sample, which were worked out by somebody else', () => {
    const oracle = new LogOracle(rules);
    for (const [offset, value] of sampleRecords().entries())
      oracle.take(0, { offset, value, timestamp: RECORDED });
    const { windows, anomalies, partitions } = oracle.answer();

    const expected = csv('expected-metrics.csv');
    expect([...windows].map(([name, { count, late }]) => `${name} ${count} ${late}`).sort()).toEqual(
      expected
        .map(
          ([type, key, start, , , count, late]) =>
            `${windowName(type!, key!, Date.parse(start!))} ${count!} ${late!}`,
        )
        .sort(),
    );
    for (const [type, key, start, , value] of expected) {
      const { count, sumMicros } = windows.get(windowName(type!, key!, Date.parse(start!)))!;
      const sum = Number(sumMicros) / 1e6;
      const measured = key === 'data_session' ? sum / 1024 : key === 'balance_recharge' ? sum : count;
      expect(measured).toBeCloseTo(Number(value), 6);
    }
    const byReason: Record<string, number> = {};
    for (const { reason } of anomalies.values()) byReason[reason] = (byReason[reason] ?? 0) + 1;
    expect(byReason).toEqual(
      Object.fromEntries(csv('expected-anomalies.csv').map(([reason, count]) => [reason, Number(count)])),
    );
    const { records, counted, lateCounted, anomalies: bad } = partitions.get(0)!;
    expect(counted + lateCounted + bad).toBe(records);
  });

  it('judges lateness by the log before the event: window 10:00 is closed once 10:06 has been seen', () => {
    // window     [10:00 ── 10:05)   the watermark trails by a minute
    expect(
      outcomes([at('10:05:59.999999'), at('10:04:00'), at('10:06:00'), at('10:04:00'), at('10:05:00')]),
    ).toEqual(['counted', 'counted', 'counted', 'late', 'counted']);
    expect(outcomes([at('10:06:00'), at('10:04:00')], { lateEvents: 'divert' })).toEqual([
      'counted',
      'late_event',
    ]);
  });

  it('sets aside what is more than 7 days late, and what is more than 5 min ahead of its record', () => {
    const early = (timestamp: string): Buffer => at('', { timestamp });
    expect(
      outcomes([
        at('10:00:00'),
        early('2025-11-01T10:00:00Z'),
        early('2025-11-01T09:59:59.999999Z'),
        early('2030-01-01T00:05:00.000001Z'),
        early('2030-01-01T00:05:00Z'),
      ]),
    ).toEqual(['counted', 'late', 'too_late', 'future_timestamp', 'counted']);
  });

  describe('with a deduplication window of 10 s', () => {
    const dedup = { deduplicationMs: 10_000 };
    const event = (id: unknown, time: string): Buffer => at(time, { event_id: id });

    it('takes the same id within it for a duplicate, whatever else it says, from when it came last', () => {
      expect(
        outcomes(
          [
            event('a', '10:00:00'),
            event('a', '10:00:00'),
            event('a', '10:00:10'),
            event('b', '10:00:12'),
            event('a', '10:00:20'),
            event('b', '10:00:22.001'),
          ],
          dedup,
        ),
      ).toEqual(['counted', 'duplicate', 'duplicate', 'counted', 'duplicate', 'counted']);
    });

    it('measures by the newest event of the partition, in whole milliseconds', () => {
      const log = [event('a', '10:00:00'), event('b', '10:00:10.000999'), event('a', '09:59:00')];
      expect(outcomes(log, dedup)).toEqual(['counted', 'counted', 'duplicate']);
      expect(
        outcomes([event('a', '10:00:00'), event('b', '10:00:10.001'), event('a', '09:59:00')], dedup),
      ).toEqual(['counted', 'counted', 'counted']);
    });

    it('knows an id by a clock that duplicates move on too, though not the watermark', () => {
      const log = [
        event('a', '10:00:00'),
        event('a', '10:00:09'),
        event('b', '10:00:10.5'),
        event('a', '10:00:00'),
      ];
      expect(outcomes(log, dedup)).toEqual(['counted', 'duplicate', 'counted', 'duplicate']);
    });

    it('has no duplicates without an id that is a text', () => {
      for (const id of [undefined, null, '', 7, {}, ['a']])
        expect(outcomes([event(id, '10:00:00'), event(id, '10:00:00')], dedup)).toEqual([
          'counted',
          'counted',
        ]);
    });

    it('remembers late events that were diverted, but neither what was too late nor what was bad', () => {
      const log = [event('n', '10:00:00'), event('a', '09:00:00'), event('a', '09:00:00')];
      expect(outcomes(log, { ...dedup, lateEvents: 'divert' })).toEqual([
        'counted',
        'late_event',
        'duplicate',
      ]);
      const early = at('', { event_id: 'b', timestamp: '2025-10-01T00:00:00Z' });
      expect(outcomes([event('n', '10:00:00'), early, early], dedup)).toEqual([
        'counted',
        'too_late',
        'too_late',
      ]);
      const bad = at('10:00:00', { event_id: 'c', amount: -1 });
      expect(outcomes([bad, bad, event('c', '10:00:00')], dedup)).toEqual([
        'invalid_amount',
        'invalid_amount',
        'counted',
      ]);
    });
  });

  it('forgets the newest event and the ids with a new log, and keeps what was counted', () => {
    const oracle = new LogOracle({ ...rules, deduplicationMs: 10_000 });
    const record = { offset: 0, value: at('10:00:00', { event_id: 'a' }), timestamp: RECORDED };
    oracle.take(3, record);
    oracle.newLog(3);
    expect(oracle.answer().partitions.get(3)!.newest).toBeNull();
    oracle.take(3, record);
    oracle.take(3, { offset: 1, value: null, timestamp: RECORDED });
    const { partitions, anomalies } = oracle.answer();
    expect(partitions.get(3)).toMatchObject({
      incarnation: 2,
      records: 3,
      counted: 2,
      anomalies: 1,
      duplicates: 0,
    });
    expect([...anomalies.keys()]).toEqual(['3:2:1']);
  });

  it('refuses to read a record twice', () => {
    const oracle = new LogOracle(rules);
    oracle.take(0, { offset: 5, value: null, timestamp: -1 });
    expect(() => {
      oracle.take(0, { offset: 5, value: null, timestamp: -1 });
    }).toThrow('read twice');
  });
});
