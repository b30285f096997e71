import { z } from 'zod';
import { flag, mustBeObject } from '../http/body.js';
import { parseInstant } from '../http/core/instant.js';
import { listParameters, formatParameter, pageOf, wordParameter } from '../http/list.js';
import { rowIdParameter } from '../http/row-id.js';
import { defaultWeights } from './core/default-weights.js';
import { invalidReasons } from './core/faults.js';
import type { Bursts } from './core/intensity.js';
import { eventTypes } from './core/telecom-event.js';

const number = (min: number, max: number) => {
  const error = `must be a number from ${min} to ${max}`;
  return z.number(error).min(min, error).max(max, error);
};

const integer = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.number(error).int(error).min(min, error).max(max, error);
};

/** Values stand in JSON as they are. */
const isPlainText = (text: string): boolean => !/[",\\\p{Cc}\p{Cs}]/u.test(text);

const share = (description: string) => number(0, 1).default(0).meta({ description, default: 0 });

const MAX_REGIONS = 1000;
const weight = number(0, 1_000_000);
const WEIGHTS = { error: 'must be an object of weights' };

const aboveZero = (given: Readonly<Record<string, number | undefined>>): boolean =>
  Object.values(given).some((each) => (each ?? 0) > 0);
const ABOVE_ZERO = 'must have a weight above 0';

/** Weights of a closed list of names; a name that is left out does not come. */
const weightsOf = <const T extends readonly [string, ...string[]]>(names: T, description: string) =>
  z
    .partialRecord(z.enum(names), weight, {
      error: ({ code }: { code?: string }) =>
        code === 'invalid_key' ? `must name only ${names.join(', ')}` : WEIGHTS.error,
    })
    .refine((given) => aboveZero(given as Record<string, number | undefined>), ABOVE_ZERO)
    .meta({ description });

const eventsPerSecond = number(0.1, 200_000).meta({
  description:
    'Events per second, held without drift; with `diurnal` the mean of a day. When the log takes fewer, the real rate drops.',
  example: 50,
});
const seed = integer(0, 2 ** 32 - 1).meta({
  description:
    'The same seed and parameters (`startTime` among them) give the same bytes. Random when left out.',
  example: 7,
});
const totalEvents = integer(1, 1_000_000_000).meta({
  description: 'The run ends after this many events.',
  example: 10_000,
});
const durationSeconds = number(0.1, 30 * 86_400).meta({
  description:
    'The run ends after this many seconds, without those in which it was paused or the log was away.',
  example: 60,
});
const startTime = z
  .string('must be an ISO 8601 instant such as 2025-11-08T22:30:00Z')
  .transform((text, ctx) => {
    const instant = parseInstant(text);
    if (instant !== null && instant >= '2000' && instant < '2100') return Date.parse(instant);
    ctx.addIssue({
      code: 'custom',
      message: 'must be an ISO 8601 instant of the years 2000 to 2099, such as 2025-11-08T22:30:00Z',
    });
    return z.NEVER;
  })
  .meta({
    description:
      'Event time at the start of the run. Left out: now; with a `timeScale` above 1 so much earlier that the run comes to its end now or before, but at most 30 days: so does one without an end. What then lies ahead is rejected.',
    type: 'string',
    format: 'date-time',
    example: '2025-11-08T00:00:00Z',
  });
const timeScale = number(0.001, 100_000).meta({
  description: 'Seconds of event time in a second of the run: 1440 makes a day in a minute.',
  example: 1,
});
const bursts = z
  .strictObject(
    {
      everySeconds: number(1, 86_400).meta({
        description: 'Seconds from the start of one to that of the next.',
      }),
      durationSeconds: number(0.1, 86_400).meta({ description: 'How long one lasts.' }),
      factor: number(0.01, 1000).meta({ description: 'So many times the traffic.' }),
    },
    mustBeObject,
  )
  .refine(({ everySeconds, durationSeconds: length }) => length < everySeconds, {
    path: ['durationSeconds'],
    error: 'must be less than everySeconds',
  })
  .meta({
    description: 'Times of more (or less) traffic, again and again, beginning with the run.',
    example: { everySeconds: 60, durationSeconds: 5, factor: 10 },
  });

const shape = {
  eventsPerSecond: eventsPerSecond.default(50),
  totalEvents: totalEvents.optional(),
  durationSeconds: durationSeconds.optional(),
  startTime: startTime.optional(),
  timeScale: timeScale.default(1),
  typeWeights: weightsOf(eventTypes, 'Shares of the event types.').default(defaultWeights.typeWeights),
  regionWeights: z
    .record(z.string().min(1).max(100), weight, WEIGHTS)
    .refine(aboveZero, ABOVE_ZERO)
    .refine((given) => Object.keys(given).length <= MAX_REGIONS, `must have at most ${MAX_REGIONS} regions`)
    .refine(
      (given) => Object.keys(given).every(isPlainText),
      'must name regions without quotes, commas, backslashes and control characters',
    )
    .default(defaultWeights.regionWeights)
    .meta({ description: 'Shares of regions, by name; any names will do.' }),
  diurnal: flag(
    'Traffic by the time of the day of the events: a quarter of the mean at 4 h UTC, seven quarters at 16 h.',
  ),
  bursts: bursts.optional(),
  invalidRate: share('Share of broken events, of the kinds and shares of `invalidWeights`.'),
  invalidWeights: weightsOf(
    invalidReasons,
    'Shares of the reasons for which broken events are to be rejected; evenly when left out, without `oversized`, which comes only when named: a record larger than MAX_EVENT_BYTES each. `too_late` events are whole, with a time two days more than MAX_LATENESS before their own: a partition that holds no newer event accepts them.',
  ).default(defaultWeights.invalidWeights),
  futureRate: share('Share of events with a time far ahead of their record, beside those of `invalidRate`.'),
  lateRate: share('Share of events that are old when they are sent, by `lateSeconds`.'),
  lateSeconds: number(0, 365 * 86_400)
    .default(900)
    .meta({ description: 'How old those are, in seconds.' }),
  outOfOrderSeconds: number(0, 86_400).default(0).meta({
    description: 'Each event is older than the moment in which it is sent by up to this many seconds.',
  }),
  duplicateRate: share('Share of events that are sent a second time, byte for byte, up to 50 events later.'),
};

export const startRunSchema = z
  .strictObject({ seed: seed.optional(), ...shape }, mustBeObject)
  .prefault({})
  .meta({
    description: 'What the run shall be like; every field may be left out, and so may the body.',
    example: { eventsPerSecond: 50, seed: 7, totalEvents: 10_000, invalidRate: 0.01 },
  });
export type StartRun = z.output<typeof startRunSchema>;

/** What a run was started with. */
export type RunParameters = Omit<
  StartRun,
  'seed' | 'startTime' | 'totalEvents' | 'durationSeconds' | 'bursts'
> & {
  /** Epoch milliseconds. */
  readonly startTime: number;
  readonly totalEvents: number | null;
  readonly durationSeconds: number | null;
  readonly bursts: Bursts | null;
};

export const runStatuses = ['running', 'paused', 'finished', 'stopped', 'failed', 'interrupted'] as const;
export type RunStatus = (typeof runStatuses)[number];

export const runId = rowIdParameter('run of the simulator');

export const runsQuery = z.strictObject({
  status: wordParameter(runStatuses, 'Runs of this status.').optional(),
  ...listParameters,
  ...formatParameter,
});
export type RunsQuery = z.output<typeof runsQuery>;

export const runSchema = z
  .object({
    id: z.string().meta({ description: 'Id of the run; later runs have higher ones.', example: '12' }),
    seed: z.int().meta({ description: 'What its random numbers began with.', example: 7 }),
    parameters: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What the run was started with, defaults filled in; null: no such limit.' }),
    status: z.enum(runStatuses).meta({
      description:
        '`finished`: totalEvents or durationSeconds reached; `stopped`: by request, or with the service; `failed`: it could not go on, see lastError; `interrupted`: its process has ended without a word.',
    }),
    sent: z.int().meta({ description: 'Events that are durable in the log.', example: 1500 }),
    eventsPerSecond: z.number().meta({
      description:
        'Measured: events sent per second over the last 10 s (longer below 2 events/s) of a running run, or over all of one that has ended.',
      example: 49.9,
    }),
    lastError: z.object({ at: z.string(), message: z.string() }).nullable().meta({
      description:
        'The last time the log did not take events, or why the run failed; null when all went well. A running run tries again by itself.',
    }),
    startedAt: z.string().meta({ description: 'When it began, in UTC.' }),
    finishedAt: z.string().nullable().meta({ description: 'When it ended; null while it has not.' }),
  })
  .meta({ id: 'SimulatorRun', description: 'A run of the simulator.' });
export type Run = z.output<typeof runSchema>;
export const runPage = pageOf(runSchema).meta({ id: 'SimulatorRunPage' });

export const simulatorSchema = z
  .object({
    status: z.enum(['idle', 'running', 'paused']),
    run: runSchema
      .nullable()
      .meta({ description: 'The current run or the last one; null when there was none yet.' }),
  })
  .meta({ description: 'State of the simulator, in whichever replica it runs.' });
export type SimulatorState = z.output<typeof simulatorSchema>;

export const runExample: Run = {
  id: '12',
  seed: 7,
  parameters: { eventsPerSecond: 50, totalEvents: 10_000, durationSeconds: null, invalidRate: 0.01 },
  status: 'running',
  sent: 0,
  eventsPerSecond: 0,
  lastError: null,
  startedAt: '2025-11-08T10:15:30.123Z',
  finishedAt: null,
};
