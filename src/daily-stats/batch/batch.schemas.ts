import { z } from 'zod';
import { daysBetween, type Day } from '../../aggregation/core/day.js';
import { flag, mustBeObject } from '../../http/body.js';
import { formatParameter, listParameters, pageOf, wordParameter } from '../../http/list.js';
import { rowIdParameter } from '../../http/row-id.js';
import { MAX_BACKFILL_DAYS } from '../core/command-line.js';
import { runStatuses, triggers } from '../core/trigger.js';
import { dayParameter, fromDayBeforeTo } from '../daily-stats.schemas.js';
import { backfillModes } from './batch-planner.js';

export const runBody = z
  .strictObject(
    {
      date: dayParameter('The day to build, in UTC; yesterday when left out.').optional(),
      force: flag(
        'Build it from what there is, also while the watermark has not passed its end. Should more events come, it is built again.',
      ),
    },
    mustBeObject,
  )
  .prefault({})
  .meta({ description: 'Which day; may be left out.', example: { date: '2025-11-08' } });
export type RunBody = z.output<typeof runBody>;

export const runQuery = z.strictObject({
  date: dayParameter('The same as `date` in the body.').optional(),
});
export type RunQuery = z.output<typeof runQuery>;

export const backfillBody = z
  .strictObject(
    {
      from: dayParameter('First day.'),
      to: dayParameter('First day after the range: ranges are `[from, to)`.'),
      mode: wordParameter(
        backfillModes,
        '`missing`: days that were never built; `failed`: days whose last run has failed; `all`: every day.',
      )
        .default('missing')
        .meta({ default: 'missing' }),
      dryRun: flag('Only say which days these are.'),
    },
    mustBeObject,
  )
  .check(fromDayBeforeTo)
  .check(
    z.check<{ from: Day; to: Day }>((ctx) => {
      const { from, to } = ctx.value;
      if (daysBetween(from, to) > MAX_BACKFILL_DAYS)
        ctx.issues.push({
          code: 'custom',
          path: ['to'],
          message: `must be at most ${MAX_BACKFILL_DAYS} days after from`,
          input: to,
        });
    }),
  )
  .meta({
    description: 'Which days.',
    example: { from: '2025-11-01', to: '2025-12-01', mode: 'missing', dryRun: true },
  });
export type BackfillBody = z.output<typeof backfillBody>;

export const runsQuery = z.strictObject({
  date: dayParameter('Runs of this day.').optional(),
  status: wordParameter(runStatuses, 'Runs of this status.').optional(),
  ...listParameters,
  ...formatParameter,
});
export type RunsQuery = z.output<typeof runsQuery>;

export const runId = rowIdParameter('run');

export const batchRun = z
  .object({
    id: z.string(),
    date: z.string().describe('The day, in UTC.'),
    status: z
      .enum(runStatuses)
      .describe('`waiting`: see `waitingFor`; `failed`: for good, nobody tries this run again.'),
    trigger: z
      .enum(triggers)
      .describe(
        '`manual`: by hand; `scheduled`: by DAILY_BATCH_CRON; `catch_up`: the day was missed; `backfill`: asked for as a range; `stale`: the day has changed after it was built.',
      ),
    attempts: z.int().describe('How often it was tried.'),
    rows: z.int().nullable().describe('Rows that the day has in `daily_stats`; null until it has succeeded.'),
    error: z.string().nullable().describe('Why the last attempt has failed.'),
    owner: z.string().nullable().describe('The replica that has tried it last: host and process.'),
    waitingFor: z
      .enum(['watermark', 'retry', 'turn', 'resume'])
      .nullable()
      .describe(
        '`watermark`: events of the day may still be on their way; `retry`: see `nextAttemptAt`; `turn`: other days come first; `resume`: the batch is paused.',
      ),
    nextAttemptAt: z.string().nullable().describe('Not before this.'),
    createdAt: z.string(),
    startedAt: z.string().nullable().describe('When the last attempt began.'),
    finishedAt: z.string().nullable(),
  })
  .meta({ id: 'BatchRun' });
export type BatchRun = z.output<typeof batchRun>;
export const batchRunPage = pageOf(batchRun).meta({ id: 'BatchRunPage' });

export const backfill = z
  .object({
    dates: z.array(z.string()).describe('The days that `mode` selects.'),
    runs: z.array(batchRun).describe('Their runs, by day; none in a dry run. See `GET /batch/runs/{id}`.'),
  })
  .meta({ id: 'Backfill' });
export type Backfill = z.output<typeof backfill>;

export const batchSchedule = z
  .object({
    cron: z.string().describe('DAILY_BATCH_CRON, in UTC.'),
    paused: z.boolean(),
    nextRunAt: z.string().nullable().describe('When it fires next; null while paused.'),
    missingDates: z
      .array(z.string())
      .describe(
        'Days from the first with data that have no daily stats though they should: not there by 02:00 UTC, or failed for good.',
      ),
    staleDates: z
      .array(z.string())
      .describe('Days that have changed after they were built, to be built again.'),
    failedDates: z
      .array(z.string())
      .describe(
        'Days, missing or stale, of which a run has failed for good, those made by hand aside, and no run is open. They are tried again when DAILY_BATCH_CRON fires, by hand or by backfill.',
      ),
    waitingRuns: z.int(),
    runningRuns: z.int(),
    lastSuccessAt: z.string().nullable().describe('When a day was last built.'),
  })
  .meta({ id: 'BatchSchedule' });
export type BatchSchedule = z.output<typeof batchSchedule>;

export const batchRunExample: BatchRun = {
  id: '17',
  date: '2025-11-08',
  status: 'succeeded',
  trigger: 'scheduled',
  attempts: 1,
  rows: 21,
  error: null,
  owner: 'app-1:17',
  waitingFor: null,
  nextAttemptAt: null,
  createdAt: '2025-11-09T00:05:00.012Z',
  startedAt: '2025-11-09T00:05:00.031Z',
  finishedAt: '2025-11-09T00:05:00.058Z',
};

export const batchScheduleExample: BatchSchedule = {
  cron: '5 0 * * *',
  paused: false,
  nextRunAt: '2025-11-10T00:05:00Z',
  missingDates: [],
  staleDates: ['2025-11-07'],
  failedDates: [],
  waitingRuns: 0,
  runningRuns: 0,
  lastSuccessAt: '2025-11-09T00:05:00.058Z',
};
