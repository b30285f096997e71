import { z } from 'zod';
import { anomalyId, setAsideRange } from '../anomalies/anomalies.schemas.js';
import { anomalyReasons } from '../anomalies/core/reason.js';
import { EVENT_TYPE_WINDOWS } from '../aggregation/core/window-spec.js';
import { flag, jsonObject, mustBeObject } from '../http/body.js';
import { isInstant, type Instant } from '../http/core/instant.js';
import {
  formatParameter,
  fromBeforeTo,
  instantParameter,
  listParameters,
  pageOf,
  wordParameter,
} from '../http/list.js';
import { rowIdParameter } from '../http/row-id.js';
import { RebuildRange } from './core/rebuild-range.js';

export const replayStatuses = ['planned', 'running', 'succeeded', 'failed', 'cancelled'] as const;

const MAX_IDS = 10_000;
const MAX_RATE = 1_000_000;
const RATE_MESSAGE = `must be a whole number from 0 to ${MAX_RATE}`;

const filter = z
  .strictObject(
    {
      ids: z
        .array(anomalyId, `must be a list of 1 to ${MAX_IDS} ids`)
        .min(1, `must be a list of 1 to ${MAX_IDS} ids`)
        .max(MAX_IDS, `must be a list of 1 to ${MAX_IDS} ids`)
        .optional()
        .meta({ description: 'Just these.' }),
      reason: wordParameter(anomalyReasons, 'Set aside for this reason.').optional(),
      ...setAsideRange,
    },
    mustBeObject,
  )
  .check(fromBeforeTo)
  .meta({
    description: 'Which anomalies: those of status `new` that meet all of this when the job is made.',
  });

const dryRun = flag('Only say what would happen; nothing is counted.');

const anomaliesReplay = z
  .strictObject({
    source: z.literal('anomalies').meta({ description: 'Replay what was set aside.' }),
    filter: filter.default({}),
    patch: jsonObject(
      'RFC 7396 merge patch for each event: its fields replace those of the event, null removes one.',
      true,
    ).optional(),
    dryRun,
    ratePerSecond: z
      .number(RATE_MESSAGE)
      .int(RATE_MESSAGE)
      .min(0, RATE_MESSAGE)
      .max(MAX_RATE, RATE_MESSAGE)
      .default(200)
      .meta({ description: 'Anomalies a second, over all replicas; 0 for no limit.' }),
    force: flag('Go on also when less than 95 % of the first 100 are applied.'),
  })
  .meta({ title: 'Anomalies' });

/** Windows of 5 minutes are the shortest: a range without one has none at all. */
const holdsAWindow = z.check<{ from?: Instant | undefined; to?: Instant | undefined }>((ctx) => {
  const { from, to } = ctx.value;
  if (!isInstant(from) || !isInstant(to) || from >= to) return;
  const range = RebuildRange.between(from, to);
  if (!range.hasWindowOf(EVENT_TYPE_WINDOWS))
    ctx.issues.push({
      code: 'custom',
      path: ['to'],
      message: 'must leave room for a whole window: they have 5 minutes and begin at multiples of that',
      input: to,
    });
});

const logReplay = z
  .strictObject({
    source: z.literal('log').meta({ description: 'Make windows anew from the log.' }),
    from: z.nonoptional(instantParameter('Windows that start at this instant or later.'), 'is needed'),
    to: z.nonoptional(instantParameter('Windows that end at this instant or earlier.'), 'is needed'),
    dryRun,
  })
  .check(fromBeforeTo)
  .check(holdsAWindow)
  .meta({ title: 'Log' });

export const newReplay = z
  .discriminatedUnion('source', [anomaliesReplay, logReplay], {
    error: ({ code }: { code?: string }) =>
      code === 'invalid_union' ? 'must be one of anomalies, log' : 'must be an object',
  })
  .meta({
    description: 'What to replay.',
    example: {
      source: 'anomalies',
      filter: { reason: 'invalid_region' },
      patch: { region: 'Almaty' },
      dryRun: true,
    },
  });
export type NewReplayBody = z.output<typeof newReplay>;
export type NewAnomaliesReplay = z.output<typeof anomaliesReplay>;
export type NewLogReplay = z.output<typeof logReplay>;

export const replaysQuery = z.strictObject({
  status: wordParameter(replayStatuses, 'Jobs of this status.').optional(),
  ...listParameters,
  ...formatParameter,
});
export type ReplaysQuery = z.output<typeof replaysQuery>;

export const replayId = rowIdParameter('replay');

export const replay = z
  .object({
    id: z.string(),
    source: z.enum(['anomalies', 'log']),
    status: z
      .enum(replayStatuses)
      .describe(
        '`planned` until its first chunk; `failed`: see `error`; what was applied before stays applied.',
      ),
    dryRun: z.boolean(),
    filter: z
      .record(z.string(), z.unknown())
      .describe('Which anomalies; of a replay of the log its `from` and `to`.'),
    patch: z.record(z.string(), z.unknown()).nullable(),
    ratePerSecond: z.int(),
    force: z.boolean(),
    total: z
      .int()
      .describe('Anomalies that met the filter when it was made; records of the log that have to be read.'),
    applied: z
      .int()
      .describe(
        'Counted by it; in a dry run: would be. Of a replay of the log, once it has ended: events in the 5-minute windows made anew.',
      ),
    rejected: z
      .int()
      .describe(
        'Rejected again. What somebody else replayed or discarded meanwhile is in neither. Of a replay of the log: records of its range that are rejected.',
      ),
    byReason: z.record(z.string(), z.int()).describe('Rejections by reason.'),
    recordsRead: z.int().nullable().describe('How many records of the log it has read; null for anomalies.'),
    ingestionPausedMs: z
      .number()
      .nullable()
      .describe(
        'For how many milliseconds ingestion had to wait for it; null unless it changed windows from the log.',
      ),
    error: z.string().nullable(),
    requestedBy: z.string(),
    createdAt: z.string(),
    startedAt: z.string().nullable(),
    finishedAt: z.string().nullable(),
  })
  .meta({ id: 'Replay' });
export type Replay = z.output<typeof replay>;
export const replayPage = pageOf(replay).meta({ id: 'ReplayPage' });

export const replayDetail = replay
  .extend({
    changes: z
      .array(
        z.object({
          metricType: z.string(),
          metricKey: z.string(),
          windowStart: z.string(),
          before: z.number().describe('Value of the window without this replay.'),
          after: z.number(),
        }),
      )
      .describe('The first 1000 windows that it has changed, in a dry run: that it would change.'),
  })
  .meta({ id: 'ReplayDetail' });
export type ReplayDetail = z.output<typeof replayDetail>;

export const replayExample: Replay = {
  id: '3',
  source: 'anomalies',
  status: 'succeeded',
  dryRun: false,
  filter: { reason: 'invalid_region' },
  patch: { region: 'Almaty' },
  ratePerSecond: 200,
  force: false,
  total: 7,
  applied: 6,
  rejected: 1,
  byReason: { missing_msisdn: 1 },
  recordsRead: null,
  ingestionPausedMs: null,
  error: null,
  requestedBy: 'operator',
  createdAt: '2025-11-09T08:00:00.120Z',
  startedAt: '2025-11-09T08:00:00.131Z',
  finishedAt: '2025-11-09T08:00:00.170Z',
};
export const replayDetailExample: ReplayDetail = {
  ...replayExample,
  changes: [
    {
      metricType: 'region_agg',
      metricKey: 'Almaty',
      windowStart: '2025-11-08T22:30:00Z',
      before: 120,
      after: 121,
    },
  ],
};
