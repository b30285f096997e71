import type { ApiOperationOptions } from '@nestjs/swagger';
import { z } from 'zod';
import { openApiSchema } from '../http/openapi-schema.js';

export const MAX_EVENTS = 1000;

/** Media type of an event a line. */
export const LINES = 'application/x-ndjson';

export const accepted = z
  .object({ accepted: z.int().describe('How many events are in the log now.') })
  .meta({ id: 'AcceptedEvents' });
export type Accepted = z.output<typeof accepted>;

/** What producers send, for the documentation only: the pipeline takes anything, and sets aside what is not like this. */
const telecomEvent = z
  .looseObject({
    event_id: z.uuid(),
    msisdn: z.string().describe('Subscriber number.'),
    region: z.string().max(100).nullable().optional().describe('Counts as `unknown` when it is missing.'),
    cell_tower_id: z.int().optional(),
    timestamp: z.string().describe('ISO 8601 with `Z`, an offset, or neither (UTC); up to microseconds.'),
    event_type: z.enum(['data_session', 'call', 'sms', 'balance_recharge']),
    event_subtype: z
      .string()
      .max(50)
      .nullable()
      .optional()
      .describe('`incoming` or `outgoing` for calls and SMS.'),
    duration_seconds: z.number().min(0).max(1e9).nullable().optional(),
    data_mb: z.number().min(0).max(1e9).nullable().optional().describe('Of a data session.'),
    amount: z.number().min(0).max(1e9).nullable().optional().describe('Of a recharge.'),
  })
  .meta({ id: 'TelecomEvent', description: 'Unknown fields are ignored.' });

const telecomEventSchema = openApiSchema(telecomEvent);

const telecomEventExample = {
  event_id: '5d9dc9f8-1818-4811-892f-902bd23f0824',
  msisdn: '77011234567',
  region: 'Almaty',
  cell_tower_id: 9313,
  timestamp: '2025-11-08T22:30:00.391449Z',
  event_type: 'data_session',
  event_subtype: null,
  duration_seconds: 939,
  data_mb: 23.56,
};

export const eventsBody: ApiOperationOptions['requestBody'] = {
  required: true,
  description: 'An event or an array of them; in NDJSON an event a line, of any bytes.',
  content: {
    'application/json': {
      schema: {
        oneOf: [
          telecomEventSchema,
          { type: 'array', minItems: 1, maxItems: MAX_EVENTS, items: telecomEventSchema },
        ],
      },
      examples: {
        one: { summary: 'One event', value: telecomEventExample },
        several: { summary: 'Several events', value: [telecomEventExample] },
      },
    },
    [LINES]: { schema: { type: 'string' }, example: `${JSON.stringify(telecomEventExample)}\n` },
  },
};
