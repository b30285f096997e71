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
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS } from './core/window-spec.js';

export const metricTypes = [EVENT_TYPE_WINDOWS.metricType, REGION_WINDOWS.metricType] as const;

/** `open`: more events may come on time; `final`: the watermark has passed; `amended`: late events came. */
export const metricStatuses = ['open', 'final', 'amended'] as const;

const type = wordParameter(
  metricTypes,
  '`event_type_agg`: 5-minute windows by event type and subtype; `region_agg`: 10-minute windows by region.',
).optional();

export const metricsQuery = z
  .strictObject({
    from: instantParameter(
      'Windows that start at this instant or later. Without `from` and `to`: the last 24 hours.',
    ),
    to: instantParameter('Windows that start before this instant.'),
    type,
    key: textParameter(100, 'Exactly this key, such as `call_incoming` or `Almaty`.').optional(),
    status: wordParameter(
      metricStatuses,
      '`open`: its end lies ahead of the pipeline watermark; else `amended` when it holds late events, or `final`.',
    ).optional(),
    order: wordParameter(['desc', 'asc'], 'By window start, type and key; newest first by default.')
      .default('desc')
      .meta({ default: 'desc' }),
    ...listParameters,
    ...formatParameter,
  })
  .check(fromBeforeTo);
export type MetricsQuery = z.output<typeof metricsQuery>;

export const keysQuery = z.strictObject({ type, ...listParameters, ...formatParameter });
export type KeysQuery = z.output<typeof keysQuery>;

export const metric = z
  .object({
    windowStart: z.string().describe('First instant of the window.'),
    windowEnd: z.string().describe('First instant after the window.'),
    metricType: z.string().describe('`event_type_agg` or `region_agg`.'),
    metricKey: z.string().describe('Event type with its subtype, or region.'),
    metricValue: z
      .number()
      .describe('Gigabytes (MB / 1024) for data sessions, amount for recharges, number of events otherwise.'),
    eventCount: z.int().describe('Events in the window.'),
    lateEvents: z.int().describe('How many of them came after the watermark had passed the window.'),
    status: z.enum(metricStatuses),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: 'Metric' });
export type Metric = z.output<typeof metric>;
export const metricPage = pageOf(metric).meta({ id: 'MetricPage' });

export const metricKey = z
  .object({
    metricType: z.string(),
    metricKey: z.string(),
    lastWindowStart: z.string().describe('Start of the newest window of this key.'),
  })
  .meta({ id: 'MetricKey' });
export type MetricKey = z.output<typeof metricKey>;
export const metricKeyPage = pageOf(metricKey).meta({ id: 'MetricKeyPage' });

export const metricExample: Metric = {
  windowStart: '2025-11-08T22:30:00Z',
  windowEnd: '2025-11-08T22:35:00Z',
  metricType: 'event_type_agg',
  metricKey: 'data_session',
  metricValue: 71.25,
  eventCount: 288,
  lateEvents: 0,
  status: 'final',
  createdAt: '2025-11-08T22:30:01.204Z',
  updatedAt: '2025-11-08T22:35:02.310Z',
};
