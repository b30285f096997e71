import { z } from 'zod';

/** Second argument of a body's object: says that one is wanted where something else was sent. */
export const mustBeObject = {
  error: (issue: { code?: string }) => (issue.code === 'invalid_type' ? 'must be an object' : undefined),
};

/** A switch that is off unless it is named. */
export const flag = (description: string) =>
  z.boolean({ error: 'must be true or false' }).default(false).meta({ description });
