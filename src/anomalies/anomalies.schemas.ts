import { z } from 'zod';
import {
  formatParameter,
  fromBeforeTo,
  instantParameter,
  listParameters,
  pageOf,
  textParameter,
  wordParameter,
} from '../http/list.js';
import { anomalyReasons } from './core/reason.js';

export const anomalyStatuses = ['new', 'replayed', 'discarded'] as const;
export type AnomalyStatus = (typeof anomalyStatuses)[number];

/** When anomalies were set aside. */
export const setAsideRange = {
  from: instantParameter('Set aside at this instant or later.'),
  to: instantParameter('Set aside before this instant.'),
};

export const anomaliesQuery = z
  .strictObject({
    reason: wordParameter(anomalyReasons, 'The rule that failed first.').optional(),
    status: wordParameter(anomalyStatuses, '`new` until it is replayed or discarded.').optional(),
    ...setAsideRange,
    q: textParameter(
      200,
      'Text that the detail or the event holds, of which the first 8 KiB are searched. It is taken literally: `%` and `_` mean themselves. The case of the letters A to Z does not matter. Four letters or digits and more are found soonest.',
    ).optional(),
    ...listParameters,
    ...formatParameter,
  })
  .check(fromBeforeTo);
export type AnomaliesQuery = z.output<typeof anomaliesQuery>;

export const summaryQuery = z.strictObject({ ...setAsideRange, ...formatParameter }).check(fromBeforeTo);
export type SummaryQuery = z.output<typeof summaryQuery>;

/** A bigint of PostgreSQL, from 1. */
export const anomalyId = z
  .string()
  .regex(/^[1-9]\d{0,18}$/, { message: 'must be a whole number from 1', abort: true })
  .refine((id) => BigInt(id) <= 9_223_372_036_854_775_807n, 'must be a whole number from 1')
  .meta({ description: 'Id of the anomaly.', example: '42' });

export const anomaly = z
  .object({
    id: z.string(),
    reason: z.enum(anomalyReasons),
    detail: z.string().describe('What exactly is wrong.'),
    eventData: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe(
        'The event as it was sent; null when it was not a JSON object, or was too large or too deep to be shown.',
      ),
    topic: z.string(),
    partition: z.int(),
    offset: z.string().describe('Where in the partition the record is.'),
    eventTime: z.string().nullable().describe('Its own timestamp; null when it has no valid one.'),
    status: z.enum(anomalyStatuses),
    attempts: z.int().describe('How often it was replayed.'),
    createdAt: z.string().describe('When it was set aside.'),
  })
  .meta({ id: 'Anomaly' });
export const anomalyPage = pageOf(anomaly).meta({ id: 'AnomalyPage' });

export const anomalyDetail = anomaly
  .extend({
    raw: z
      .string()
      .nullable()
      .describe('The record as text; null when it is not valid UTF-8, or a tombstone.'),
    rawBase64: z.string().nullable().describe('The bytes of the record; null for a tombstone.'),
    history: z
      .array(
        z.object({
          at: z.string(),
          actor: z.string().describe('`pipeline`, or who did it.'),
          action: z.string(),
          outcome: z.string(),
          detail: z.string().nullable(),
        }),
      )
      .describe('What happened to it, oldest first.'),
  })
  .meta({ id: 'AnomalyDetail' });

export const anomalyCount = z
  .object({ reason: z.enum(anomalyReasons), status: z.enum(anomalyStatuses), count: z.int() })
  .meta({ id: 'AnomalyCount' });
export type AnomalyCount = z.output<typeof anomalyCount>;
export const anomalySummary = z
  .object({ items: z.array(anomalyCount), nextCursor: z.null() })
  .meta({ id: 'AnomalySummary' });

export const anomalyExample = {
  id: '42',
  reason: 'invalid_duration',
  detail: 'duration_seconds is a string',
  eventData: { msisdn: '77011234567', event_type: 'call', duration_seconds: '60' },
  topic: 'telecom_events',
  partition: 0,
  offset: '1207',
  eventTime: '2025-11-08T22:31:12.871Z',
  status: 'new',
  attempts: 0,
  createdAt: '2025-11-08T22:31:13.402Z',
} as const;
