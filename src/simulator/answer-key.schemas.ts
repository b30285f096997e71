import { z } from 'zod';
import { mustBeObject } from '../http/body.js';

const count = (description: string) => z.int().meta({ description });
const sumMicros = z
  .string()
  .meta({ description: 'Sum of what the events measure (MB, amount) × 1,000,000, in decimal digits.' });

const anomalies = z
  .record(z.string(), z.int())
  .readonly()
  .meta({ description: 'Events set aside, by reason.' });
const outcomes = {
  sent: count('Events in the log.'),
  counted: count('On time for both of their windows.'),
  lateCounted: count('Counted although late for a window.'),
  duplicates: count('Events that were sent before, within DEDUPLICATION_WINDOW, and do not count again.'),
  anomalies,
};

export const expectedSchema = z
  .object({
    runId: z.string(),
    topic: z.string(),
    rules: z.record(z.string(), z.unknown()).meta({
      description: 'What of the configuration the answer depends on; milliseconds and bytes.',
    }),
    ...outcomes,
    partitions: z.array(
      z.object({
        partition: z.int(),
        firstOffset: z.string().meta({ description: 'Where the log ended when the run began.' }),
        endOffset: z.string().meta({ description: 'Where it must end after the run.' }),
        ...outcomes,
      }),
    ),
    windows: z.array(
      z.object({
        metricType: z.string(),
        metricKey: z.string(),
        windowStart: z.string(),
        eventCount: count('Events that the run adds to the window.'),
        lateEvents: count('How many of them are late for it.'),
        sumMicros,
        metricValue: z.number().meta({
          description: 'As in GET /metrics: gigabytes, amount, or number of events.',
        }),
      }),
    ),
  })
  .meta({ id: 'SimulatorAnswerKey', description: 'What the pipeline must have made of a run.' });
export type Expected = z.output<typeof expectedSchema>;

export const differenceSchema = z
  .object({
    in: z.enum(['window', 'anomalies', 'ledger']).meta({ description: 'Where the values are.' }),
    metricType: z.string().optional().meta({ description: 'Of a window.' }),
    metricKey: z.string().optional().meta({ description: 'Of a window.' }),
    windowStart: z.string().optional().meta({ description: 'Of a window.' }),
    partition: z.int().optional().meta({ description: 'Of the ledger and of anomalies.' }),
    field: z.string().meta({
      description:
        'Window: `eventCount`, `lateEvents`, `sumMicros`, or `metricValue` where only that is wrong; anomalies: the reason; ledger: the column.',
    }),
    expected: z.union([z.number(), z.string()]).meta({
      description:
        'What the run must have added; of `metricValue`: all there must be. `sumMicros` in decimal digits.',
    }),
    actual: z
      .union([z.number(), z.string()])
      .meta({ description: 'What has been added; of `metricValue`: all there is.' }),
  })
  .meta({ id: 'SimulatorDifference' });
export type Difference = z.output<typeof differenceSchema>;

export const verificationSchema = z
  .object({
    runId: z.string(),
    matches: z.boolean().meta({ description: 'True when nothing differs.' }),
    differences: z.array(differenceSchema).meta({ description: 'At most 1,000.' }),
    moreDifferences: z.boolean().meta({ description: 'Whether there are more than those listed.' }),
    sent: count('Events of the run.'),
    windowsCompared: count('Windows that were compared, those of other traffic among them.'),
    windowsDiffering: count('Windows that differ.'),
  })
  .meta({ id: 'SimulatorVerification', description: 'The database beside the answer key of a run.' });
export type Verification = z.output<typeof verificationSchema>;

export const verifyBody = z
  .strictObject(
    {
      timeoutSeconds: z
        .number('must be a number from 0 to 600')
        .min(0, 'must be a number from 0 to 600')
        .max(600, 'must be a number from 0 to 600')
        .default(60)
        .meta({
          description: 'How long to wait for the pipeline to have taken in the whole run.',
          default: 60,
        }),
    },
    mustBeObject,
  )
  .prefault({})
  .meta({ example: { timeoutSeconds: 60 } });
export type VerifyBody = z.output<typeof verifyBody>;

const counts = {
  sent: 10_000,
  counted: 9400,
  lateCounted: 500,
  duplicates: 12,
  anomalies: { missing_msisdn: 100 },
};

export const expectedExample: Expected = {
  runId: '12',
  topic: 'telecom_events',
  rules: { maxEventBytes: 1_048_576, maxLateness: 604_800_000, watermarkDelay: 60_000, lateEvents: 'amend' },
  ...counts,
  partitions: [{ partition: 0, firstOffset: '5000', endOffset: '15000', ...counts }],
  windows: [
    {
      metricType: 'event_type_agg',
      metricKey: 'data_session',
      windowStart: '2025-11-08T10:15:00Z',
      eventCount: 5900,
      lateEvents: 290,
      sumMicros: '1489512340000',
      metricValue: 1454.60189453125,
    },
  ],
};

export const verificationExample: Verification = {
  runId: '12',
  matches: false,
  differences: [
    {
      in: 'window',
      metricType: 'event_type_agg',
      metricKey: 'call_incoming',
      windowStart: '2025-11-08T10:15:00Z',
      field: 'eventCount',
      expected: 1200,
      actual: 1199,
    },
  ],
  moreDifferences: false,
  sent: 10_000,
  windowsCompared: 22,
  windowsDiffering: 1,
};
