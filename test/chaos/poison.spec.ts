import fc from 'fast-check';
import { LogOracle, anomalyName, windowName, type Rules } from '../../chaos/oracle.mjs';
import { poisonKinds } from '../../chaos/poison-kinds.mjs';
import { rulesOf } from '../../chaos/rules.mjs';
import { TrafficMaker } from '../../chaos/traffic-events.mjs';
import { parseConfig } from '../../src/config/config.js';
import { intakeRules, takeIn } from '../../src/ingestion/core/intake.js';
import { judged } from '../../src/ingestion/core/judge.js';
import { PartitionDelta } from '../../src/ingestion/core/partition-delta.js';
import { logRecord } from '../../src/transport/record-batch.js';

const NOW = Date.parse('2025-11-23T10:02:00.125Z');
const rules = rulesOf({ DEDUPLICATION_WINDOW: '0s' });
const intake = intakeRules(parseConfig({}));
const origin = { topic: 't', partition: 0, incarnation: 1 };

interface Logged {
  readonly value: Buffer | null;
  readonly timestamp: number;
}

/** What the oracle makes of a log. */
function byOracle(log: readonly Logged[], changed: Partial<Rules> = {}) {
  const oracle = new LogOracle({ ...rules, ...changed });
  for (const [offset, record] of log.entries()) oracle.take(0, { offset, ...record });
  const { windows, anomalies, partitions } = oracle.answer();
  const { counted, lateCounted, duplicates, newest } = partitions.get(0)!;
  return {
    windows: new Map([...windows].sort(([a], [b]) => (a < b ? -1 : 1))),
    anomalies: new Map([...anomalies].map(([name, { reason }]) => [name, reason])),
    ledger: { counted, lateCounted, duplicates, newest },
  };
}

/** What the pipeline makes of it. */
function byPipeline(log: readonly Logged[]) {
  const delta = new PartitionDelta(0n, null);
  for (const [offset, { value, timestamp }] of log.entries())
    takeIn(
      judged(logRecord(offset, timestamp, value), intake.maxEventBytes),
      origin,
      delta,
      intake,
      Date.now(),
    );
  const { counted, lateCounted, duplicates } = delta.ledger;
  return {
    windows: new Map(
      [...delta.windows]
        .map(
          ({ metricType, metricKey, windowStart, eventCount, lateEvents, sumMicros }) =>
            [
              windowName(metricType, metricKey, windowStart),
              { count: eventCount, late: lateEvents, sumMicros },
            ] as const,
        )
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
    anomalies: new Map(
      delta.anomalies.map(({ partition, incarnation, offset, reason }) => [
        anomalyName(partition, incarnation, offset),
        reason,
      ]),
    ),
    ledger: { counted, lateCounted, duplicates, newest: delta.newestEventTime },
  };
}

describe('poison', () => {
  const kinds = poisonKinds({ clock: NOW });

  it.each([0, 600_000])('is what its table says, with a deduplication window of %d ms', (deduplicationMs) => {
    const oracle = new LogOracle({ ...rules, deduplicationMs });
    const found = kinds.map(({ name, value, timestamp }, offset) => {
      const duplicates = oracle.answer().partitions.get(0)?.duplicates ?? 0;
      oracle.take(0, { offset, value, timestamp });
      const { anomalies, partitions } = oracle.answer();
      const isDuplicate = partitions.get(0)!.duplicates > duplicates;
      return [
        name,
        anomalies.get(anomalyName(0, 1, offset))?.reason ?? (isDuplicate ? 'duplicate' : 'counted'),
      ];
    });
    const repeated = deduplicationMs > 0 ? 'duplicate' : 'counted';
    expect(found).toEqual(
      kinds.map(({ name, expected }) => [name, expected === 'repeated' ? repeated : expected]),
    );
  });
});

describe('the oracle and the pipeline, which share no code, agree', () => {
  it('on poison', () => {
    const kinds = poisonKinds({ clock: NOW });
    expect(byPipeline(kinds)).toEqual(byOracle(kinds));
  });

  it('on traffic', () => {
    const maker = new TrafficMaker({ seed: 3, partitions: 1, rates: { bad: 0.1, late: 0.2 } });
    const log = Array.from({ length: 20_000 }, (_, i) => maker.next((NOW + i * 300) * 1000));
    expect(byPipeline(log)).toEqual(byOracle(log));
  });

  it('on whatever becomes of them when bytes are changed', () => {
    const kinds = poisonKinds({ clock: NOW, large: false }).filter(
      ({ value }) => value && value.length < 1000,
    );
    const maker = new TrafficMaker({ seed: 4, partitions: 1, rates: { bad: 0 } });
    const events = Array.from({ length: 50 }, (_, i) => maker.next((NOW + i) * 1000));
    const anyRecord = fc.constantFrom(...kinds, ...events);
    const anyByte = fc.oneof(fc.constantFrom(...Buffer.from('0123456789.:-+TZ"{}[],e \\u')), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyRecord, fc.array(fc.tuple(fc.nat(), anyByte), { maxLength: 3 })), {
          minLength: 1,
          maxLength: 10,
        }),
        (chosen) => {
          const log = chosen.map(([{ value, timestamp }, changes]) => {
            const bytes = Buffer.from(value ?? '');
            for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
            return { value: bytes, timestamp };
          });
          expect(byPipeline(log)).toEqual(byOracle(log));
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
