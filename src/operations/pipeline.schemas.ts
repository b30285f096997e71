import { z } from 'zod';
import { HALT_REASONS } from '../ingestion/checkpoint.repository.js';

const ledger = z
  .object({
    consumed: z.int(),
    counted: z.int().describe('On time for both of its windows.'),
    lateCounted: z.int().describe('Counted, though late for at least one of its windows.'),
    anomalies: z.int(),
    duplicates: z.int(),
    skipped: z.int().describe('Offsets without an event: control records and compaction gaps.'),
  })
  .meta({ id: 'Ledger' });

const partition = z
  .object({
    topic: z.string(),
    partition: z.int(),
    owner: z.string().nullable().describe('The replica that reads it.'),
    status: z
      .enum(['active', 'idle', 'halted'])
      .describe(
        '`idle`: at its end for IDLE_TIMEOUT, so that it does not hold the watermark back; `halted`: waits for an operator.',
      ),
    position: z.string().describe('Offset of the next record; all before it are in the database.'),
    highWatermark: z.string().nullable().describe('Offset that the next record of the log will get.'),
    lag: z.int().nullable().describe('highWatermark − position, in records.'),
    eventTimeWatermark: z.string().nullable().describe('Newest accepted event time − WATERMARK_DELAY.'),
    ledger,
    balanced: z
      .boolean()
      .describe('consumed = counted + lateCounted + anomalies + duplicates + skipped. False is a bug.'),
    eventsPerSecond: z.number(),
    replays: z
      .object({ applied: z.int(), rejected: z.int(), discarded: z.int() })
      .describe(
        'What was done with its anomalies: replays that counted, replays that were rejected, discards.',
      ),
    recentEvents: z
      .object({
        events: z.int().describe('How many these are: the last 10,000, fewer after a start.'),
        invalid: z.int(),
        ratio: z.number().describe('invalid / events.'),
        leadingReason: z.string().nullable().describe('The most frequent reason of the invalid ones.'),
        alert: z.boolean().describe('The ratio is above ANOMALY_ALERT_RATIO: a producer may be broken.'),
      })
      .nullable()
      .describe('How its newest events came out; null before there were 100 of them.'),
    halted: z
      .object({
        reason: z.string().describe(`One of ${HALT_REASONS.map((reason) => `\`${reason}\``).join(', ')}.`),
        detail: z.string().nullable(),
        since: z.string(),
      })
      .nullable()
      .describe('Why it waits.'),
  })
  .meta({ id: 'PipelinePartition' });
export type PipelinePartition = z.output<typeof partition>;

export const pipelineStatus = z
  .object({
    transport: z.enum(['kafka', 'embedded']),
    watermark: z
      .string()
      .nullable()
      .describe(
        'Windows that end at it or before are final. Null until every partition that is not idle had an event.',
      ),
    eventsPerSecond: z.number().describe('Of all replicas.'),
    openWindows: z.int().describe('Windows, by key, that end after the watermark.'),
    partitions: z.array(partition),
    heldBy: z
      .object({
        partition: z.int(),
        reason: z.enum(['halted', 'no_events_yet', 'slowest_partition']),
        since: z.string().nullable(),
      })
      .nullable()
      .describe('The partition that holds the watermark back; null when all are idle.'),
    lastFlushAt: z.string().nullable().describe('When a replica last stored a checkpoint.'),
    lastFlushMs: z.number().nullable().describe('How long that took.'),
  })
  .meta({ id: 'PipelineStatus' });
export type PipelineStatus = z.output<typeof pipelineStatus>;

export const pipelineExample: PipelineStatus = {
  transport: 'kafka',
  watermark: '2025-11-08T22:34:58.120Z',
  eventsPerSecond: 5012.4,
  openWindows: 19,
  partitions: [
    {
      topic: 'telecom_events',
      partition: 0,
      owner: 'app-1',
      status: 'active',
      position: '120734',
      highWatermark: '120902',
      lag: 168,
      eventTimeWatermark: '2025-11-08T22:34:58.120Z',
      ledger: {
        consumed: 120734,
        counted: 120601,
        lateCounted: 12,
        anomalies: 121,
        duplicates: 0,
        skipped: 0,
      },
      balanced: true,
      eventsPerSecond: 5012.4,
      replays: { applied: 40, rejected: 2, discarded: 3 },
      recentEvents: {
        events: 10000,
        invalid: 2310,
        ratio: 0.231,
        leadingReason: 'missing_msisdn',
        alert: true,
      },
      halted: null,
    },
  ],
  heldBy: { partition: 0, reason: 'slowest_partition', since: '2025-11-08T22:36:00.512Z' },
  lastFlushAt: '2025-11-08T22:36:00.512Z',
  lastFlushMs: 8.2,
};
