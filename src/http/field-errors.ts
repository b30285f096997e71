import type { StandardSchemaValidationPipeOptions } from '@nestjs/common';
import type { FieldError } from './problem.js';

type Issues = Parameters<NonNullable<StandardSchemaValidationPipeOptions['exceptionFactory']>>[0];
type Issue = Issues[number];

/** What zod adds to a standard issue for fields nobody knows. */
interface UnrecognizedKeys extends Issue {
  readonly code: 'unrecognized_keys';
  readonly keys: readonly string[];
}

const isUnrecognizedKeys = (issue: Issue): issue is UnrecognizedKeys =>
  'code' in issue && issue.code === 'unrecognized_keys' && 'keys' in issue && Array.isArray(issue.keys);

/** Every mistake of a request by field; unknown fields are one mistake each. */
export function fieldErrors(
  issues: Issues,
  /** Name of what was checked as a whole: a path parameter, or `body`. */
  whole: string,
): FieldError[] {
  return issues.flatMap((issue) => {
    const path = (issue.path ?? []).map((segment) =>
      String(typeof segment === 'object' ? segment.key : segment),
    );
    if (isUnrecognizedKeys(issue)) {
      return issue.keys.map((key) => ({ field: [...path, key].join('.'), message: UNKNOWN_FIELD }));
    }
    return [{ field: path.join('.') || whole, message: issue.message }];
  });
}

export const UNKNOWN_FIELD = 'is not known here';
