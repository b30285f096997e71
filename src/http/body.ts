import { z } from 'zod';
import { jsonProblem } from './core/json-problem.js';

/** Second argument of a body's object: says that one is wanted where something else was sent. */
export const mustBeObject = {
  error: (issue: { code?: string }) => (issue.code === 'invalid_type' ? 'must be an object' : undefined),
};

/** A switch that is off unless it is named. */
export const flag = (description: string) =>
  z.boolean({ error: 'must be true or false' }).default(false).meta({ description });

/**
 * Any JSON object, see {@link jsonProblem}. Not z.record, which leaves `__proto__` out before anybody can object to it.
 * @param storable whether it has to fit jsonb
 */
export const jsonObject = (description: string, storable: boolean) =>
  z
    .unknown()
    .superRefine((value, ctx) => {
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      const message = isObject ? jsonProblem(value, storable) : 'must be a JSON object';
      if (message !== null) ctx.addIssue({ code: 'custom', message });
    })
    .transform((value) => value as Record<string, unknown>)
    .meta({ description, type: 'object', additionalProperties: true });
