import { z } from 'zod';
import { anomalyReasons } from '../anomalies/core/reason.js';
import { jsonObject, mustBeObject } from '../http/body.js';

export const replayBody = z
  .strictObject(
    {
      event: jsonObject(
        'The whole event, corrected. Without it the record itself is judged again.',
        false,
      ).optional(),
    },
    mustBeObject,
  )
  .prefault({})
  .meta({
    description: 'What to count in its place; may be left out.',
    example: {
      event: {
        msisdn: '77011234567',
        region: 'Almaty',
        timestamp: '2025-11-08T22:31:12Z',
        event_type: 'call',
        event_subtype: 'incoming',
        duration_seconds: 60,
      },
    },
  });
export type ReplayBody = z.output<typeof replayBody>;

export const discardBody = z
  .strictObject(
    {
      note: z
        .string({ error: 'must be text' })
        .max(1000, 'must have at most 1000 characters')
        .refine((note) => !note.includes('\0') && note.isWellFormed(), 'must be text that can be stored')
        .optional()
        .meta({ description: 'Why, for the history.' }),
    },
    mustBeObject,
  )
  .prefault({})
  .meta({ description: 'May be left out.', example: { note: 'test traffic' } });
export type DiscardBody = z.output<typeof discardBody>;

export const replayOutcome = z
  .object({
    id: z.string(),
    outcome: z
      .enum(['applied', 'rejected'])
      .describe('`applied`: it is counted in its windows now; `rejected`: it stays as it is.'),
    reason: z.enum(anomalyReasons).optional().describe('Why it was rejected: the rule that failed first.'),
    detail: z.string().optional(),
  })
  .meta({ id: 'ReplayOutcome' });
export type ReplayOutcome = z.output<typeof replayOutcome>;

export const discarded = z
  .object({ id: z.string(), status: z.literal('discarded') })
  .meta({ id: 'DiscardedAnomaly' });
export type Discarded = z.output<typeof discarded>;
