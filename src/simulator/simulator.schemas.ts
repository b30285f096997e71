import { z } from 'zod';
import { mustBeObject } from '../http/body.js';

const number = (min: number, max: number) => {
  const error = `must be a number from ${min} to ${max}`;
  return z.number(error).min(min, error).max(max, error);
};

const integer = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.number(error).int(error).min(min, error).max(max, error);
};

const instant = z.iso.datetime();

const eventsPerSecond = number(0.1, 20_000).meta({
  description: 'Events per second, held without drift. When the log takes fewer, the real rate drops.',
  example: 50,
});
const seed = integer(0, 2 ** 32 - 1).meta({
  description:
    'The same seed and parameters give the same events, but for their times. Random when left out.',
  example: 7,
});
const totalEvents = integer(1, 1_000_000_000).meta({
  description: 'The run ends after this many events.',
  example: 10_000,
});
const durationSeconds = number(0.1, 30 * 86_400).meta({
  description: 'The run ends after this many seconds.',
  example: 60,
});
const invalidRate = number(0, 1).meta({
  description:
    'Share of broken events, spread evenly over malformed_json, missing_msisdn, unknown_event_type, invalid_duration, ' +
    'invalid_data_volume, invalid_amount, invalid_subtype, invalid_region, invalid_timestamp and future_timestamp.',
  example: 0.01,
});

export const startRunSchema = z
  .strictObject(
    {
      eventsPerSecond: eventsPerSecond.default(50),
      seed: seed.optional(),
      totalEvents: totalEvents.optional(),
      durationSeconds: durationSeconds.optional(),
      invalidRate: invalidRate.default(0),
    },
    mustBeObject,
  )
  .prefault({})
  .meta({
    description: 'What the run shall be like; every field may be left out, and so may the body.',
    example: { eventsPerSecond: 50, seed: 7, totalEvents: 10_000, invalidRate: 0.01 },
  });

export type StartRun = z.output<typeof startRunSchema>;

export const runSchema = z
  .object({
    id: z.uuid().meta({ description: 'Id of the run.', example: 'c0a7c2f5-9b8e-4c7c-8f0e-3a1f5b6d7e80' }),
    seed,
    parameters: z
      .object({
        eventsPerSecond,
        totalEvents: totalEvents.nullable(),
        durationSeconds: durationSeconds.nullable(),
        invalidRate,
      })
      .meta({ description: 'What the run was started with, defaults filled in; null: no such limit.' }),
    status: z.enum(['running', 'finished', 'stopped', 'failed']).meta({
      description:
        '`finished`: totalEvents or durationSeconds reached; `stopped`: by request, or with the service; ' +
        '`failed`: it could not go on, see lastError.',
      example: 'running',
    }),
    sent: z.int().meta({ description: 'Events that are durable in the log.', example: 1500 }),
    eventsPerSecond: z.number().meta({
      description:
        'Measured: events sent per second over the last 10 s (longer below 2 events/s) of a running run, or over all ' +
        'of one that has ended.',
      example: 49.9,
    }),
    lastError: z
      .object({
        at: instant.meta({ description: 'When it happened.', example: '2025-11-08T10:15:45.000Z' }),
        message: z
          .string()
          .meta({ description: 'What happened.', example: 'The brokers cannot be reached.' }),
      })
      .nullable()
      .meta({
        description:
          'The last time the log did not take events, or why the run failed; null when all went well. A running run tries again by itself.',
      }),
    startedAt: instant.meta({
      description: 'When the run was started.',
      example: '2025-11-08T10:15:30.123Z',
    }),
    finishedAt: instant
      .nullable()
      .meta({ description: 'When the run ended; null while it is running.', example: null }),
  })
  .meta({ id: 'SimulatorRun', description: 'A run of the simulator.' });

export type Run = z.output<typeof runSchema>;
export type RunStatus = Run['status'];

export const simulatorSchema = z
  .object({
    status: z
      .enum(['idle', 'running'])
      .meta({ description: 'Whether a run is going on.', example: 'running' }),
    run: runSchema.nullable().meta({
      description: 'The current run or the last one; null when there has been none since the boot.',
    }),
  })
  .meta({ description: 'State of the simulator.' });

export type SimulatorState = z.output<typeof simulatorSchema>;
