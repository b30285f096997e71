import { z } from 'zod';
import type { CursorCodec } from './core/cursor.js';
import { isInstant, parseInstant, type Instant } from './core/instant.js';
import { invalidRequest } from './problem.js';

/** One value, once: a query parameter that is given twice arrives as an array. */
const parameter = z.string({ error: 'must be given once, as text' });

/** An instant in a query string, see {@link parseInstant}. */
export const instantParameter = (description: string) =>
  parameter
    .transform((text, ctx): Instant => {
      const instant = parseInstant(text);
      if (instant) return instant;
      ctx.addIssue({
        code: 'custom',
        message: 'must be an ISO 8601 instant such as 2025-11-08T22:30:00Z, or a date',
      });
      return z.NEVER;
    })
    .optional()
    // No example: Swagger UI would fill it in, and then send it.
    .meta({
      description: `${description} ISO 8601 such as \`2025-11-08T22:30:00Z\`, or a date; without an offset it is UTC.`,
      format: 'date-time',
    });

/** A word of a closed list. */
export const wordParameter = <const T extends readonly [string, ...string[]]>(
  words: T,
  description: string,
) => z.enum(words, { error: `must be one of ${words.join(', ')}` }).meta({ description });

/** A text of some length that PostgreSQL can hold. */
export const textParameter = (maxLength: number, description: string) =>
  parameter
    .min(1, 'must not be empty')
    .max(maxLength, `must have at most ${maxLength} characters`)
    .refine((text) => !text.includes('\0'), 'must not hold NUL characters')
    .meta({ description });

export const MAX_LIMIT = 1000;

/** The parameters every list has. */
export const listParameters = {
  limit: parameter
    .regex(/^\d{1,4}$/, `must be a whole number from 1 to ${MAX_LIMIT}`)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= MAX_LIMIT, `must be a whole number from 1 to ${MAX_LIMIT}`)
    .default(100)
    .meta({
      description: 'Most items of one page; 100 by default.',
      type: 'integer',
      minimum: 1,
      maximum: MAX_LIMIT,
      default: 100,
      pattern: undefined,
    }),
  cursor: parameter
    .min(1, 'must not be empty')
    .max(2000, 'is not a cursor of this list')
    .optional()
    .meta({ description: '`nextCursor` of the page before, with the other parameters unchanged.' }),
};

/** What an endpoint has that also answers in CSV. */
export const formatParameter = {
  format: wordParameter(
    ['json', 'csv'],
    'Form of the answer; in place of an `Accept` header. CSV gives the next cursor in the header `X-Next-Cursor`.',
  ).optional(),
};

/** For schemas with `from` and `to`: `from` has to lie before `to`. Looked at also when other fields are wrong. */
export const fromBeforeTo = z.check<{ from?: Instant | undefined; to?: Instant | undefined }>((ctx) => {
  const { from, to } = ctx.value;
  if (isInstant(from) && isInstant(to) && from >= to) {
    ctx.issues.push({ code: 'custom', path: ['to'], message: 'must be later than from', input: to });
  }
});

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; null on the last one. */
  readonly nextCursor: string | null;
}

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('`cursor` of the next page; null on the last one.'),
  });

/**
 * @param rows up to one more than fit, which tells that there is a next page
 * @param cursorAfter the cursor that goes on after an item
 */
export function page<T>(rows: readonly T[], limit: number, cursorAfter: (last: T) => string): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? cursorAfter(last) : null };
}

/**
 * Where the page begins; null for the first.
 * @param fits whether the cursor was made for a list like this one
 * @throws ProblemError for a cursor that this list did not give
 */
export function cursorPosition<T>(
  codec: CursorCodec<T>,
  cursor: string | undefined,
  fits: (position: T) => boolean = () => true,
): T | null {
  if (cursor === undefined) return null;
  const position = codec.decode(cursor);
  if (position === null || !fits(position)) {
    throw invalidRequest([{ field: 'cursor', message: 'is not a cursor of this list' }]);
  }
  return position;
}
