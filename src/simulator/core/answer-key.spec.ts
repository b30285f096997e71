import fc from 'fast-check';
import { WindowDeltas } from '../../aggregation/core/window-deltas.js';
import { intakeRules, takeIn } from '../../ingestion/core/intake.js';
import { judged } from '../../ingestion/core/judge.js';
import { logRecord } from '../../transport/record-batch.js';
import { PartitionDelta } from '../../ingestion/core/partition-delta.js';
import { RecentIds } from '../../ingestion/core/recent-ids.js';
import { AnswerKey, type Answer, type KeyRules } from './answer-key.js';
import { defaultWeights } from './default-weights.js';
import { invalidReasons } from './faults.js';
import { earliestEventTime, runParameters } from './run-parameters.js';
import { runRules, trafficLimits } from './run-rules.js';
import type { TelecomEvent } from './telecom-event.js';
import { Traffic, type SentEvent } from './traffic.js';

const DAY = 86_400_000;
/** Of 8 November 2025, in epoch microseconds. */
const at = (time: string): number => {
  const [whole, fraction = ''] = time.split('.');
  return Date.parse(`2025-11-08T${whole}Z`) * 1000 + Number(fraction.padEnd(6, '0'));
};
const rules: KeyRules = {
  ...{ maxLateness: 7 * DAY, watermarkDelay: 60_000, lateEvents: 'amend' },
  deduplicationWindow: 600_000,
};
const twice = { eventId: 'twice' };
const STARTED = Date.UTC(2025, 10, 9);

let ids = 0;
const sent = (
  time: string,
  { fault = null, dueAt = 0, duplicate = false, ...facts }: Partial<TelecomEvent & SentEvent> = {},
): SentEvent => ({
  ...{ key: '7701', value: null, fault, dueAt, duplicate },
  event: {
    ...{ eventId: `id ${ids++}`, msisdn: '7701', region: 'Almaty', cellTowerId: 1000, eventTime: at(time) },
    ...{ type: 'sms', subtype: 'incoming', durationSeconds: null, dataMb: null, amount: null },
    ...facts,
  },
});

function answerTo(
  events: readonly SentEvent[],
  over: Partial<KeyRules> = {},
  newest: readonly (number | null)[] = [null],
): Answer {
  const key = new AnswerKey({ ...rules, ...over }, newest, STARTED);
  for (const event of events) key.add(event, 0);
  return key.answer();
}
const lateOf = ({ windows }: Answer): string[] =>
  windows.flatMap(({ metricType, windowStart, lateEvents }) =>
    lateEvents > 0
      ? [`${metricType} ${new Date(windowStart).toISOString().slice(11, 16)} ${lateEvents}`]
      : [],
  );

describe('an event', () => {
  it('counts in the five minutes of its type and the ten of its region', () => {
    expect(answerTo([sent('10:07:30')]).windows).toEqual([
      {
        ...{ metricType: 'event_type_agg', metricKey: 'sms_incoming' },
        ...{ windowStart: at('10:05:00') / 1000, windowEnd: at('10:10:00') / 1000 },
        ...{ eventCount: 1, lateEvents: 0, sumMicros: 0n },
      },
      {
        ...{ metricType: 'region_agg', metricKey: 'Almaty' },
        ...{ windowStart: at('10:00:00') / 1000, windowEnd: at('10:10:00') / 1000 },
        ...{ eventCount: 1, lateEvents: 0, sumMicros: 0n },
      },
    ]);
  });

  it('on a boundary belongs to the window that begins there', () => {
    const starts = (time: string): number[] =>
      answerTo([sent(time)]).windows.map(({ windowStart }) => windowStart * 1000);
    expect(starts('10:09:59.999999')).toEqual([at('10:05:00'), at('10:00:00')]);
    expect(starts('10:10:00')).toEqual([at('10:10:00'), at('10:10:00')]);
  });

  it.each<[string, Partial<TelecomEvent>, string, bigint]>([
    [
      'a data session by its megabytes',
      { type: 'data_session', subtype: null, dataMb: 0.07 },
      'data_session',
      210_000n,
    ],
    [
      'a recharge by its amount',
      { type: 'balance_recharge', subtype: null, amount: 0.29 },
      'balance_recharge',
      870_000n,
    ],
    ['a call by nothing', { type: 'call', subtype: 'outgoing', durationSeconds: 60 }, 'call_outgoing', 0n],
  ])('is summed up to the millionth: %s', (_, facts, metricKey, sumMicros) => {
    const { windows } = answerTo(['10:00:00', '10:01:00', '10:02:00'].map((time) => sent(time, facts)));
    expect(windows[0]).toMatchObject({ metricKey, eventCount: 3, sumMicros });
    expect(windows[1]).toMatchObject({ metricType: 'region_agg', eventCount: 3, sumMicros: 0n });
  });

  it('sent twice counts once', () => {
    const { partitions, windows } = answerTo([sent('10:00:00', twice), sent('10:00:00', twice)]);
    expect(partitions).toMatchObject([{ sent: 2, counted: 1, duplicates: 1 }]);
    expect(windows[0]).toMatchObject({ eventCount: 1 });
  });

  it.each([
    ['the partition has moved on by no more than the window', '10:10:00.000999', {}, 1],
    ['it has moved on by more', '10:10:00.001', {}, 0],
    ['deduplication is off', '10:00:00', { deduplicationWindow: 0 }, 0],
  ])('counts again as it may when %s', (_, moved, over, duplicates) => {
    const events = [sent('10:00:00', twice), sent(moved), sent('10:00:00', twice)];
    expect(answerTo(events, over).partitions).toMatchObject([{ duplicates }]);
  });

  it('sent twice is a repeat also where it would be too late by now, or be diverted', () => {
    const again = [sent('10:00:00', twice), sent('10:09:00'), sent('10:00:00', twice)];
    expect(answerTo(again, { maxLateness: 60_000 }).partitions).toMatchObject([{ duplicates: 1 }]);
    expect(answerTo(again, { lateEvents: 'divert' }).partitions).toMatchObject([{ duplicates: 1 }]);
  });

  it('that came too late the first time does so the second time', () => {
    const tooLate = [sent('12:00:00'), sent('10:00:00', twice), sent('10:00:00', twice)];
    expect(answerTo(tooLate, { maxLateness: 60_000 }).partitions).toMatchObject([
      { duplicates: 0, anomalies: { too_late: 2 } },
    ]);
  });

  it('that is broken is set aside for its fault, and moves nothing', () => {
    const broken = sent('12:00:00', { fault: 'invalid_amount' });
    const { partitions, windows } = answerTo([broken, sent('10:00:00'), sent('10:00:00')]);
    expect(partitions).toMatchObject([
      { sent: 3, counted: 2, lateCounted: 0, anomalies: { invalid_amount: 1 } },
    ]);
    expect(windows.map(({ eventCount }) => eventCount)).toEqual([2, 2]);
  });

  it('of a partition that is not there is a fault of the program', () => {
    expect(() => {
      new AnswerKey(rules, [null], 0).add(sent('10:00:00'), 1);
    }).toThrow(RangeError);
  });
});

describe('lateness', () => {
  //  10:00        10:05        10:10 10:11
  //    |---- type --|---- type --|
  //    |--------- region --------|
  //                              ^ watermark, one minute behind the newest event
  it('begins when the watermark has reached the end of the window', () => {
    const answer = answerTo([sent('10:11:00'), sent('10:09:59.999999')]);
    expect(lateOf(answer)).toEqual(['event_type_agg 10:05 1', 'region_agg 10:00 1']);
    expect(answer.partitions).toMatchObject([{ counted: 1, lateCounted: 1 }]);
  });

  it('has not begun a microsecond before', () => {
    const answer = answerTo([sent('10:10:59.999999'), sent('10:00:00')]);
    expect(lateOf(answer)).toEqual(['event_type_agg 10:00 1']);
    expect(lateOf(answerTo([sent('10:10:59.999999'), sent('10:05:00')]))).toEqual([]);
  });

  it('may be that of one window only; the event is a late one then', () => {
    const answer = answerTo([sent('10:06:00'), sent('10:04:00')]);
    expect(lateOf(answer)).toEqual(['event_type_agg 10:00 1']);
    expect(answer.partitions).toMatchObject([{ counted: 1, lateCounted: 1 }]);
  });

  it('sets the event aside where late events are diverted', () => {
    const answer = answerTo([sent('10:06:00'), sent('10:04:00'), sent('10:05:00')], { lateEvents: 'divert' });
    expect(answer.partitions).toMatchObject([{ counted: 2, lateCounted: 0, anomalies: { late_event: 1 } }]);
    expect(lateOf(answer)).toEqual([]);
  });

  it('is too much beyond the maximum, and not at it', () => {
    const over = { maxLateness: 3_600_000 };
    const exactly = answerTo([sent('12:00:00'), sent('11:00:00')], over);
    expect(exactly.partitions).toMatchObject([{ counted: 1, lateCounted: 1, anomalies: {} }]);
    const beyond = answerTo([sent('12:00:00'), sent('10:59:59.999999')], over);
    expect(beyond.partitions).toMatchObject([{ counted: 1, lateCounted: 0, anomalies: { too_late: 1 } }]);
  });

  it('too much of it is told before late, where late events are diverted', () => {
    const over = { maxLateness: 3_600_000, lateEvents: 'divert' } as const;
    expect(answerTo([sent('12:00:00'), sent('10:00:00')], over).partitions[0]?.anomalies).toEqual({
      too_late: 1,
    });
  });

  it('is measured by the newest event before, also by one before the run; the first of a partition is never late', () => {
    expect(answerTo([sent('00:00:00')]).partitions).toMatchObject([{ counted: 1 }]);
    expect(answerTo([sent('10:04:00')], {}, [at('10:06:00')]).partitions).toMatchObject([{ lateCounted: 1 }]);
    // An older one does not take it back.
    const answer = answerTo([sent('10:06:00'), sent('10:05:00'), sent('10:04:00')]);
    expect(answer.partitions).toMatchObject([{ counted: 2, lateCounted: 1 }]);
  });

  it('is that of a partition', () => {
    const key = new AnswerKey(rules, [null, null], STARTED);
    key.add(sent('10:06:00'), 0);
    key.add(sent('10:04:00'), 1);
    expect(key.answer().partitions).toMatchObject([
      { counted: 1 },
      { partition: 1, counted: 1, lateCounted: 0 },
    ]);
  });
});

describe('doubt', () => {
  const ahead = (microseconds: number): SentEvent =>
    sent('00:00:00', { dueAt: 1000, eventTime: (STARTED + 1000 + 300_000) * 1000 + microseconds });

  it('there is of events more than five minutes ahead of the moment of their sending', () => {
    expect(answerTo([ahead(0)]).doubt).toBeNull();
    expect(answerTo([ahead(1), ahead(0), ahead(1)]).doubt).toMatch(/^2 events were more than 5 min ahead/);
  });

  it('there is none of broken ones', () => {
    expect(answerTo([{ ...ahead(1), fault: 'future_timestamp' }]).doubt).toBeNull();
  });

  it('there is of more windows than are kept, which are none then', () => {
    const key = new AnswerKey({ ...rules, maxLateness: Number.MAX_SAFE_INTEGER }, [null], STARTED);
    const event = sent('00:00:00');
    const add = (count: number): void => {
      key.add(
        {
          ...event,
          event: {
            ...event.event,
            ...{ eventId: String(count), eventTime: event.event.eventTime - count * 600_000_000 },
          },
        },
        0,
      );
    };
    for (let count = 0; count < 100_000; count++) add(count);
    expect(key.answer().doubt).toBeNull();
    expect(key.answer().windows).toHaveLength(200_000);
    add(100_000);
    add(100_001);
    expect(key.answer()).toMatchObject({
      windows: [],
      doubt: 'its events fall into more than 200000 windows',
    });
    expect(key.answer().partitions[0]).toMatchObject({ sent: 100_002 });
  });
});

describe('what the pipeline makes of traffic', () => {
  const rate = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true }));
  const START = Date.UTC(2025, 10, 8, 10);
  const anyRun = fc.record({
    traffic: fc.record({
      eventsPerSecond: fc.double({ min: 1, max: 1000, noNaN: true }),
      timeScale: fc.double({ min: 0.1, max: 2000, noNaN: true }),
      diurnal: fc.boolean(),
      bursts: fc.option(fc.constant({ everySeconds: 2, durationSeconds: 1, factor: 10 })),
      invalidRate: rate,
      futureRate: rate,
      lateRate: rate,
      lateSeconds: fc.double({ min: 0, max: 20_000, noNaN: true }),
      outOfOrderSeconds: fc.double({ min: 0, max: 3600, noNaN: true }),
      duplicateRate: rate,
    }),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    count: fc.integer({ min: 0, max: 300 }),
    /** Of each partition, microseconds from the start of the run. */
    newest: fc.array(fc.option(fc.integer({ min: -7_200_000_000, max: 3_600_000_000 })), {
      minLength: 1,
      maxLength: 4,
    }),
    config: fc.record({
      MAX_LATENESS: fc.integer({ min: 1000, max: 10_800_000 }),
      WATERMARK_DELAY: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 900_000 })),
      LATE_EVENTS: fc.constantFrom('amend' as const, 'divert' as const),
      DEDUPLICATION_WINDOW: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1_200_000 })),
    }),
  });

  /** Also those that come only when they are named. */
  const everyReason = Object.fromEntries(invalidReasons.map((reason) => [reason, 1]));

  const line = (window: Answer['windows'][number]): string =>
    [
      ...[window.metricType, window.metricKey, window.windowStart, window.windowEnd],
      ...[window.eventCount, window.lateEvents, window.sumMicros],
    ].join(' ');

  /** What the pipeline has had to do with, so that the property is not about nothing. */
  const met = new Set<string>();

  it('is the answer, whatever the traffic and the rules, and no window begins before the bound of the run', () => {
    fc.assert(
      fc.property(anyRun, ({ traffic: given, seed, count, newest: offsets, config: some }) => {
        const config = { ...some, MAX_EVENT_BYTES: 4096, DEDUPLICATION_MAX_IDS: 1000 };
        const parameters = runParameters(
          { ...defaultWeights, invalidWeights: everyReason, ...given, startTime: START } as never,
          START,
        );
        const traffic = new Traffic({ ...parameters, ...trafficLimits(runRules(config)), seed });
        const newest = offsets.map((offset) => (offset === null ? null : START * 1000 + offset));
        // Long after, so that nothing whole is ahead of its record.
        const startedAt = START + 400 * DAY;
        const key = new AnswerKey(runRules(config), newest, startedAt);
        const deltas = newest.map((time) => new PartitionDelta(0n, time, RecentIds.by(config)));
        for (let offset = 0; offset < count; offset++) {
          const event = traffic.next();
          const partition = Number(event.key) % newest.length;
          key.add(event, partition);
          takeIn(
            judged(
              logRecord(offset, Math.ceil(startedAt + event.dueAt), event.value),
              config.MAX_EVENT_BYTES,
            ),
            { topic: 't', partition, incarnation: 1 },
            deltas[partition]!,
            intakeRules(config),
            0,
          );
        }

        const answer = key.answer();
        const windows = new WindowDeltas();
        for (const delta of deltas) windows.merge(delta.windows);
        expect(answer.doubt).toBeNull();
        expect(answer.windows.map(line).sort()).toEqual([...windows].map(line).sort());
        expect(answer.partitions).toMatchObject(
          deltas.map(({ ledger, anomalies }, partition) => ({
            ...{ partition, sent: ledger.consumed, counted: ledger.counted, lateCounted: ledger.lateCounted },
            duplicates: ledger.duplicates,
            anomalies: tally(anomalies.map(({ reason }) => reason)),
          })),
        );
        const earliest = earliestEventTime(parameters, config.MAX_LATENESS);
        for (const { windowStart } of windows) expect(windowStart).toBeGreaterThanOrEqual(earliest);

        for (const { ledger, anomalies } of deltas) {
          if (ledger.lateCounted > 0) met.add('amended');
          if (ledger.duplicates > 0) met.add('repeated');
          for (const { reason } of anomalies) met.add(reason);
        }
      }),
      { numRuns: 200 },
    );
    expect([...met]).toEqual(
      expect.arrayContaining(['amended', 'repeated', 'late_event', 'too_late', ...invalidReasons]),
    );
  });
});

function tally(reasons: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
