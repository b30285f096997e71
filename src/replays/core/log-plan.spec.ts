import { judgeAhead } from '../../ingestion/core/judge.js';
import { LOOK_BACK_MS, planLog, type LogExtent, type LogPlan, type ReadPartition } from './log-plan.js';

const TOPIC = 'telecom_events';
const FROM = Date.parse('2025-11-08T22:00:00Z');
const partition = (fields: Partial<ReadPartition> = {}): ReadPartition => ({
  topic: TOPIC,
  partition: 0,
  incarnation: 1,
  logId: 'this log',
  firstOffset: 0n,
  nextOffset: 1000n,
  newestEventTime: FROM + 3_600_000,
  earlierEventTime: null,
  untimedUntil: 0n,
  ...fields,
});
const extent = (fields: Partial<LogExtent> = {}): LogExtent => ({
  logId: 'this log',
  low: 0n,
  high: 1000n,
  start: 400n,
  ...fields,
});
const plan = (partitions: ReadPartition[], log: Record<number, LogExtent> = { 0: extent() }): LogPlan =>
  planLog(TOPIC, partitions, new Map(Object.entries(log).map(([id, each]) => [Number(id), each])), FROM);
const starts = (...entries: [number, bigint][]): LogPlan => ({
  kind: 'plan',
  starts: new Map(entries.map(([id, offset]) => [id, { logId: 'this log', offset }])),
});
const tooShort = (detail: string): unknown => ({
  kind: 'too_short',
  detail: expect.stringContaining(detail) as unknown,
});

describe('where the log is read from', () => {
  it('is the first record that may hold an event of the range', () => {
    expect(plan([partition()])).toEqual(starts([0, 400n]));
  });

  it('is early enough: what was written before it and is of the range was never counted, being ahead of its record', () => {
    expect(judgeAhead(FROM * 1000, FROM - LOOK_BACK_MS)).toMatchObject({ reason: 'future_timestamp' });
  });

  it('is where ingestion began when that came later', () => {
    expect(plan([partition({ firstOffset: 500n })])).toEqual(starts([0, 500n]));
    expect(plan([partition({ firstOffset: 400n })])).toEqual(starts([0, 400n]));
  });

  it('is the end of the log when nothing in it is as late as the range', () => {
    expect(plan([partition()], { 0: extent({ start: 1000n }) })).toEqual(starts([0, 1000n]));
  });

  it('is where ingestion began while the log has records without a timestamp, which no look for a time finds', () => {
    expect(plan([partition({ untimedUntil: 8n, firstOffset: 7n })])).toEqual(starts([0, 7n]));
    expect(plan([partition({ untimedUntil: 8n })], { 0: extent({ low: 7n }) })).toEqual(starts([0, 7n]));
    // They have gone with records that are older than the range.
    expect(plan([partition({ untimedUntil: 8n })], { 0: extent({ low: 8n }) })).toEqual(starts([0, 400n]));
  });

  it('is in the log that there is for a checkpoint from before logs had ids', () => {
    expect(plan([partition({ logId: null })])).toEqual(starts([0, 400n]));
  });

  it('is of every partition of the topic its own', () => {
    expect(
      plan([partition(), partition({ partition: 1, firstOffset: 7n }), partition({ partition: 2 })], {
        0: extent(),
        1: extent({ start: 3n }),
        2: extent({ start: 999n }),
      }),
    ).toEqual(starts([0, 400n], [1, 7n], [2, 999n]));
  });

  it('is nowhere for a service that has read nothing yet', () => {
    expect(plan([], { 0: extent() })).toEqual(starts());
  });
});

describe('a log that was trimmed', () => {
  // firstOffset            low      start
  //      |····· gone ·······|─ older ─|── of the range ──▸
  it('is enough while the first record that is left is older than the range', () => {
    expect(plan([partition()], { 0: extent({ low: 399n }) })).toEqual(starts([0, 400n]));
  });

  it('is too short when the first record that is left may be of the range', () => {
    expect(plan([partition()], { 0: extent({ low: 400n }) })).toEqual(tooShort('begins at offset 400'));
  });

  it('is too short when the log is empty', () => {
    expect(plan([partition()], { 0: extent({ low: 1000n, start: 1000n }) })).toEqual(
      tooShort('begins at offset 1000'),
    );
  });

  it('is enough when it was trimmed before ingestion began', () => {
    const read = partition({ firstOffset: 400n });
    expect(plan([read], { 0: extent({ low: 400n }) })).toEqual(starts([0, 400n]));
    expect(plan([read], { 0: extent({ low: 300n, start: 300n }) })).toEqual(starts([0, 400n]));
    expect(plan([read], { 0: extent({ low: 401n, start: 401n }) })).toEqual(tooShort('begins at offset 401'));
  });
});

describe('a log that is another one', () => {
  it('is none of ours, however long', () => {
    const replaced = extent({ logId: 'another log', high: 5000n });
    expect(plan([partition()], { 0: replaced })).toEqual(tooShort('the topic was deleted and created anew'));
    const unread = partition({ firstOffset: 20n, nextOffset: 20n, newestEventTime: null });
    expect(plan([unread], { 0: replaced }).kind).toBe('plan');
  });

  it('is too short when it ends before the checkpoint', () => {
    expect(plan([partition()], { 0: extent({ high: 999n }) })).toEqual(
      tooShort('ends at offset 999, before the checkpoint 1000'),
    );
    expect(plan([partition()], { 0: extent({ high: 1001n }) })).toEqual(starts([0, 400n]));
  });

  it('is too short when the one before it had events at the beginning of the range or later', () => {
    expect(plan([partition({ earlierEventTime: FROM })])).toEqual(
      tooShort('partition 0 had another log before, with events up to 2025-11-08T22:00:00.000Z'),
    );
    expect(plan([partition({ earlierEventTime: FROM + 1 })])).toEqual(tooShort('another log'));
    expect(plan([partition({ earlierEventTime: FROM - 1 })])).toEqual(starts([0, 400n]));
  });

  it('is too short for what the one before it had, also when nothing was read from the new one', () => {
    expect(plan([partition({ nextOffset: 0n, earlierEventTime: FROM })])).toEqual(tooShort('another log'));
  });

  it('is too short when events of the range came from another topic', () => {
    const other = partition({ topic: 'old_events', newestEventTime: FROM });
    expect(plan([other, partition()])).toEqual(
      tooShort('events up to 2025-11-08T22:00:00.000Z came from the log "old_events"'),
    );
  });

  it('is enough when the other topic had only earlier events, or none', () => {
    for (const newestEventTime of [FROM - 1, null])
      expect(plan([partition({ topic: 'old_events', partition: 5, newestEventTime }), partition()])).toEqual(
        starts([0, 400n]),
      );
  });
});

describe('a partition', () => {
  it('that is not there any more is too short a log', () => {
    expect(plan([partition(), partition({ partition: 1 })])).toEqual(
      tooShort('the log has no partition 1 any more'),
    );
  });

  it('that ingestion has read nothing of needs no log', () => {
    const unread = partition({ firstOffset: 20n, nextOffset: 20n, newestEventTime: null });
    expect(plan([unread], {})).toEqual(starts([0, 20n]));
    expect(plan([unread], { 0: extent({ low: 30n, start: 30n, high: 30n }) })).toEqual(starts([0, 30n]));
    expect(plan([unread], { 0: extent({ low: 0n, start: 5n, high: 10n }) })).toEqual(starts([0, 20n]));
  });

  it('that is too short makes the whole log so', () => {
    const log = { 0: extent(), 1: extent({ low: 400n }) };
    expect(plan([partition(), partition({ partition: 1 })], log)).toEqual(tooShort('partition 1'));
  });
});
