import fc from 'fast-check';
import { WindowDeltas, type WindowDelta } from '../../aggregation/core/window-deltas.js';
import { judged, judgeRecord } from '../../ingestion/core/judge.js';
import { takeIn, type IntakeRules } from '../../ingestion/core/intake.js';
import { PartitionDelta } from '../../ingestion/core/partition-delta.js';
import { RecentIds } from '../../ingestion/core/recent-ids.js';
import { listed, logRecord, type LogRecord } from '../../transport/record-batch.js';
import { LOOK_BACK_MS, planLog } from './log-plan.js';
import { RebuildRange } from './rebuild-range.js';
import { RebuiltPartition, type Rebuilt, type StoredAnomaly } from './rebuilt-partition.js';

const MINUTE = 60_000;
const TEN = Date.parse('2025-11-08T22:00:00Z');
const origin = { topic: 'telecom_events', partition: 3, incarnation: 2 };
const rules: IntakeRules = {
  maxEventBytes: 300,
  maxLateness: 60 * MINUTE * 1000,
  watermarkDelay: MINUTE * 1000,
  lateEvents: 'amend',
};
const range = new RebuildRange(TEN, TEN + 30 * MINUTE);
const NONE = new Map<number, StoredAnomaly>();

const record = (offset: number, timestamp: number, value: string | null): LogRecord =>
  logRecord(offset, timestamp, value === null ? null : Buffer.from(value));
const event = (eventTime: number, fields: object = {}): string =>
  JSON.stringify({
    ...{ msisdn: '77010000001', event_type: 'sms', region: 'Almaty' },
    timestamp: new Date(eventTime).toISOString(),
    ...fields,
  });
/** Written as it happened. */
const at = (offset: number, minute: number, fields: object = {}): LogRecord =>
  record(offset, TEN + minute * MINUTE, event(TEN + minute * MINUTE, fields));
const stored = (entries: Record<number, StoredAnomaly['status']>): Map<number, StoredAnomaly> =>
  new Map(Object.entries(entries).map(([offset, status]) => [Number(offset), { id: `a${offset}`, status }]));

const keyOf = ({ metricType, metricKey, windowStart }: WindowDelta): string =>
  `${metricType} ${metricKey} ${new Date(windowStart).toISOString().slice(11, 16)}`;
/** Sums by window, whatever pieces they come in. */
function sums(windows: Iterable<WindowDelta>): Record<string, string> {
  const byKey = new Map<string, [number, number, bigint]>();
  for (const window of windows) {
    const [count, late, micros] = byKey.get(keyOf(window)) ?? [0, 0, 0n];
    byKey.set(keyOf(window), [
      count + window.eventCount,
      late + window.lateEvents,
      micros + window.sumMicros,
    ]);
  }
  return Object.fromEntries([...byKey].map(([key, values]) => [key, values.join(' ')]));
}

function take(
  partition: RebuiltPartition,
  records: LogRecord[],
  anomalies: ReadonlyMap<number, StoredAnomaly> = NONE,
  by = rules,
  now = TEN,
): void {
  expect(partition.take(listed(records), Infinity, anomalies, by, now)).toBe(records.length);
}

function rebuild(records: LogRecord[], anomalies = NONE, over: Partial<IntakeRules> = {}): Rebuilt {
  const partition = new RebuiltPartition(origin, range);
  take(partition, records, anomalies, { ...rules, ...over });
  return partition.drain();
}

describe('a partition that is taken in again', () => {
  it('gives the windows that lie in the range, and no others', () => {
    const { windows } = rebuild([at(0, -1), at(1, 0), at(2, 12), at(3, 29.99), at(4, 30)]);
    expect(sums(windows)).toEqual({
      ...{ 'event_type_agg sms 22:00': '1 0 0', 'region_agg Almaty 22:00': '1 0 0' },
      ...{ 'event_type_agg sms 22:10': '1 0 0', 'region_agg Almaty 22:10': '1 0 0' },
      ...{ 'event_type_agg sms 22:25': '1 0 0', 'region_agg Almaty 22:20': '1 0 0' },
    });
  });

  it('gives what was taken since it was asked last', () => {
    const partition = new RebuiltPartition(origin, range);
    take(partition, [at(0, 1), record(1, TEN, 'x')]);
    expect(partition.drain()).toMatchObject({ windows: [{}, {}], newAnomalies: [{ offset: '1' }] });
    expect(partition.drain()).toEqual({ windows: [], newAnomalies: [], passing: [] });
    take(partition, [at(2, 12, { event_type: 'mms' })], stored({ 2: 'new' }));
    expect(partition.drain()).toEqual({ windows: [], newAnomalies: [], passing: [] });
    expect([...partition.rejected]).toEqual([
      ['malformed_json', 1],
      ['unknown_event_type', 1],
    ]);
  });

  it('remembers the watermark when it was asked in between', () => {
    const partition = new RebuiltPartition(origin, range);
    take(partition, [at(0, 20)]);
    partition.drain();
    take(partition, [at(1, 2)]);
    expect(sums(partition.drain().windows)).toEqual({
      'event_type_agg sms 22:00': '1 1 0',
      'region_agg Almaty 22:00': '1 1 0',
    });
  });

  it('counts nothing for which an anomaly is stored, whatever became of it', () => {
    const records = [at(0, 1), at(1, 2), at(2, 3), at(3, 4)];
    const { windows, passing, newAnomalies } = rebuild(
      records,
      stored({ 0: 'new', 1: 'replayed', 2: 'discarded' }),
    );
    expect(sums(windows)).toEqual({
      'event_type_agg sms 22:00': '1 0 0',
      'region_agg Almaty 22:00': '1 0 0',
    });
    expect({ passing, newAnomalies }).toEqual({ passing: ['a0'], newAnomalies: [] });
  });

  it('lets a record with an anomaly move the watermark as it would without', () => {
    for (const status of ['new', 'replayed', 'discarded'] as const) {
      const { windows } = rebuild([at(0, 20), at(1, 2)], stored({ 0: status }));
      expect(sums(windows)).toMatchObject({ 'event_type_agg sms 22:00': '1 1 0' });
    }
  });

  it('does not let a record that is rejected again move it', () => {
    const future = record(0, TEN, event(TEN + 20 * MINUTE));
    expect(sums(rebuild([future, at(1, 2)], stored({ 0: 'new' })).windows)).toMatchObject({
      'event_type_agg sms 22:00': '1 0 0',
    });
  });

  it('names new anomalies that pass when one of their windows lies in the range', () => {
    // region     [21:50 ────── 22:00)[22:00 ────── 22:10)
    // event type         ···[21:55 ─)[22:00 ─)[22:05 ───)
    //                                    [22:05, 22:08) has none; [22:05, 22:10) has one of 5 minutes
    const straddling = new RebuildRange(TEN + 5 * MINUTE, TEN + 10 * MINUTE);
    const partition = new RebuiltPartition(origin, straddling);
    take(
      partition,
      [at(0, 4.9), at(1, 5), at(2, 9.9), at(3, 10)],
      stored({ 0: 'new', 1: 'new', 2: 'new', 3: 'new' }),
    );
    expect(partition.drain().passing).toEqual(['a1', 'a2']);
  });

  it('leaves new anomalies alone that are rejected still', () => {
    const records = [record(0, TEN, null), at(1, 20), at(2, 1)];
    const { passing, newAnomalies } = rebuild(records, stored({ 0: 'new', 2: 'new' }), {
      lateEvents: 'divert',
    });
    expect({ passing, newAnomalies }).toEqual({ passing: [], newAnomalies: [] });
  });

  it('makes anomalies of records of the range that are rejected now: by event time, or by record where there is none', () => {
    const invalid = { event_type: 'mms' };
    const { newAnomalies } = rebuild([
      at(0, -1, invalid),
      at(1, 0, invalid),
      record(2, TEN + 5 * MINUTE, event(TEN - 1, invalid)),
      record(3, TEN - 1, '{'),
      record(4, TEN, '{'),
      record(5, TEN + 30 * MINUTE, '{'),
      at(6, 29.99, invalid),
      at(7, 30, invalid),
      record(8, TEN + 90 * MINUTE, event(TEN, invalid)),
    ]);
    expect(newAnomalies.map(({ offset }) => offset)).toEqual(['1', '4', '6', '8']);
    expect(newAnomalies[0]).toMatchObject({ ...origin, reason: 'unknown_event_type' });
  });

  it('judges a record without a timestamp by the clock', () => {
    const partition = new RebuiltPartition(origin, range);
    take(partition, [{ ...at(0, 10), timestamp: -1 }], NONE, rules, TEN + 4 * MINUTE);
    take(partition, [{ ...at(1, 10), timestamp: -1 }], NONE, rules, TEN + 5 * MINUTE);
    const { windows, newAnomalies } = partition.drain();
    expect(newAnomalies).toMatchObject([{ offset: '0', reason: 'future_timestamp' }]);
    expect(sums(windows)).toMatchObject({ 'event_type_agg sms 22:10': '1 0 0' });
  });
});

describe('laws', () => {
  /**
   * Record timestamps come in any order: nothing before the start may be as late as the look-back, whatever comes after it. What a
   * record without a timestamp holds nobody can tell from its place, so all of them have one here.
   */
  const anyRecord = fc.record({
    /** Minutes around the beginning of the range, in which the log is dense. */
    written: fc.integer({ min: -40 * 60, max: 90 * 60 }).map((seconds) => TEN + seconds * 1000),
    /** How far the event is ahead of its record, in milliseconds. */
    ahead: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -10 * MINUTE, max: 5 * MINUTE }) },
      { weight: 2, arbitrary: fc.integer({ min: -100 * MINUTE, max: -10 * MINUTE }) },
      { weight: 1, arbitrary: fc.integer({ min: 5 * MINUTE + 1, max: 40 * MINUTE }) },
      { weight: 2, arbitrary: fc.constantFrom(5 * MINUTE, 0) },
    ),
    kind: fc.oneof(
      { weight: 8, arbitrary: fc.constant('valid' as const) },
      { weight: 3, arbitrary: fc.constantFrom('no json', 'tombstone', 'unknown type', 'oversized') },
    ),
    type: fc.constantFrom({ event_type: 'sms' }, { event_type: 'balance_recharge', amount: 1.25 }),
    region: fc.constantFrom('Almaty', 'Astana'),
    id: fc.oneof(fc.constant(undefined), fc.constantFrom('a', 'b', 'c', 'd', 'e')),
    anomaly: fc.oneof(
      { weight: 6, arbitrary: fc.constant(null) },
      { weight: 3, arbitrary: fc.constantFrom<StoredAnomaly['status']>('new', 'replayed', 'discarded') },
    ),
  });
  type AnyRecord = typeof anyRecord extends fc.Arbitrary<infer T> ? T : never;

  function toRecord({ written, ahead, kind, type, region, id }: AnyRecord, offset: number): LogRecord {
    const value = {
      valid: () => event(written + ahead, { ...type, region, event_id: id }),
      'no json': () => '{',
      tombstone: () => null,
      'unknown type': () => event(written + ahead, { event_type: 'mms' }),
      oversized: () => event(written + ahead, { ...type, event_id: id, padding: 'x'.repeat(300) }),
    }[kind]();
    return record(offset, written, value);
  }

  const anyLog = fc.array(anyRecord, { minLength: 1, maxLength: 120 }).chain((log) =>
    fc.record({
      log: fc.constant(log),
      inOrder: fc.boolean(),
      /** Half of them begin with a window, which an event may reach from as far before it as can be. */
      range: fc
        .tuple(
          fc.oneof(
            fc.constantFrom(0, 5, 10, 15).map((minutes) => minutes * 60),
            fc.integer({ min: 0, max: 40 * 60 }),
          ),
          fc.integer({ min: 60, max: 60 * 60 }),
        )
        .map(([from, length]) => new RebuildRange(TEN + from * 1000, TEN + (from + length) * 1000)),
      rules: fc.record({
        maxEventBytes: fc.constant(rules.maxEventBytes),
        maxLateness: fc.integer({ min: 0, max: 90 }).map((minutes) => minutes * MINUTE * 1000),
        watermarkDelay: fc.integer({ min: 0, max: 15 }).map((minutes) => minutes * MINUTE * 1000),
        lateEvents: fc.constantFrom('amend' as const, 'divert' as const),
      }),
      /** How much earlier than need be the reading begins. */
      earlier: fc.oneof(fc.constant(0), fc.nat({ max: 20 })),
      deduplication: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 * MINUTE })),
      slices: fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()), {
        minLength: 1,
        maxLength: 8,
      }),
    }),
  );

  interface Outcome {
    readonly windows: Record<string, string>;
    readonly passing: string[];
    readonly anomalies: string[];
    readonly rejected: Record<string, number>;
  }
  const sorted = (values: readonly string[]): string[] => [...values].sort();

  /** The whole log, a record after the other, as ingestion does. */
  function plainly(
    records: readonly LogRecord[],
    anomalies: ReadonlyMap<number, StoredAnomaly>,
    within: RebuildRange,
    by: IntakeRules,
    start: number,
    recentIds: RecentIds | null,
  ): Outcome & { duplicates: number } {
    const windows = new WindowDeltas();
    const outcome = {
      passing: [] as string[],
      anomalies: [] as string[],
      rejected: {} as Record<string, number>,
    };
    let duplicates = 0;
    let newest: number | null = null;
    for (const [position, each] of records.entries()) {
      const delta: PartitionDelta = new PartitionDelta(0n, newest, recentIds);
      takeIn(judged(each, by.maxEventBytes), origin, delta, by, TEN);
      newest = delta.newestEventTime;
      duplicates += delta.ledger.duplicates;
      const anomaly = anomalies.get(each.offset);
      const [rejection] = delta.anomalies;
      if (!anomaly) windows.merge(delta.windows);
      if (anomaly?.status === 'new' && [...delta.windows].some((window) => within.holds(window)))
        outcome.passing.push(anomaly.id);
      if (!rejection || position < start) continue;
      const content = judgeRecord(each, 1e9);
      const eventTime = anomaly || content.reason !== null ? rejection.eventTime : content.eventTime;
      if (within.covers(eventTime, rejection.recordTimestamp)) {
        outcome.rejected[rejection.reason] = (outcome.rejected[rejection.reason] ?? 0) + 1;
        if (!anomaly) outcome.anomalies.push(`${each.offset} ${rejection.reason}`);
      } else if (!anomaly) {
        const laxly = new PartitionDelta(0n, newest, recentIds);
        takeIn(judged(each, 1e9), origin, laxly, { ...by, maxLateness: 1e18, lateEvents: 'amend' }, TEN);
        windows.merge(laxly.windows);
      }
    }
    return { windows: sums([...windows].filter((window) => within.holds(window))), ...outcome, duplicates };
  }

  it('beginning in the middle of the log, and stopping anywhere, changes nothing within the range', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anyLog, ({ log, inOrder, range: within, rules: by, deduplication, earlier, slices }) => {
        if (inOrder) log = [...log].sort((a, b) => a.written - b.written);
        const records = log.map(toRecord);
        const anomalies = new Map(
          log.flatMap(({ anomaly: status }, offset) =>
            status ? [[offset, { id: `a${offset}`, status }] as const] : [],
          ),
        );
        const memory = (): RecentIds | null =>
          RecentIds.by({ DEDUPLICATION_WINDOW: deduplication, DEDUPLICATION_MAX_IDS: 1000 });
        const lookBack = LOOK_BACK_MS + deduplication;
        const first = log.findIndex(({ written }) => written >= within.from - lookBack);
        const end = BigInt(log.length);
        const plan = planLog(
          origin.topic,
          [
            {
              ...origin,
              logId: 'this log',
              firstOffset: 0n,
              nextOffset: end,
              newestEventTime: null,
              earlierEventTime: null,
              untimedUntil: 0n,
            },
          ],
          new Map([
            [3, { logId: 'this log', low: 0n, high: end, start: first === -1 ? end : BigInt(first) }],
          ]),
          within.from,
        );
        if (plan.kind === 'too_short') throw new Error(plan.detail);
        const start = Math.max(0, Number(plan.starts.get(3)!.offset) - earlier);

        const partition = new RebuiltPartition(origin, within, memory());
        const pieces: Rebuilt[] = [];
        for (let at = start, turn = 0; at < records.length; turn++) {
          const [size, drain] = slices[turn % slices.length]!;
          take(partition, records.slice(at, at + size), anomalies, by);
          if (drain) pieces.push(partition.drain());
          at += size;
        }
        pieces.push(partition.drain());

        const { duplicates, ...expected } = plainly(records, anomalies, within, by, start, memory());
        const found: Outcome = {
          windows: sums(pieces.flatMap(({ windows }) => windows)),
          passing: pieces.flatMap(({ passing }) => passing),
          anomalies: pieces.flatMap(({ newAnomalies }) =>
            newAnomalies.map(({ offset, reason }) => `${offset} ${reason}`),
          ),
          rejected: Object.fromEntries(partition.rejected),
        };
        expect({ ...found, passing: sorted(found.passing), anomalies: sorted(found.anomalies) }).toEqual({
          ...expected,
          passing: sorted(expected.passing),
          anomalies: sorted(expected.anomalies),
        });

        for (const reason of Object.keys(found.rejected)) seen.add(reason);
        if (found.passing.length > 0) seen.add('passing');
        if (start > 0) seen.add('in the middle');
        if (duplicates > 0) seen.add('repeated');
        if (Object.values(found.windows).some((values) => !values.includes(' 0 '))) seen.add('late');
      }),
      { numRuns: 3_000 },
    );
    // The law would hold of an empty log, too.
    expect(sorted([...seen])).toEqual([
      ...['future_timestamp', 'in the middle', 'late', 'late_event', 'malformed_json', 'oversized'],
      ...['passing', 'repeated', 'too_late', 'unknown_event_type'],
    ]);
  });
});
