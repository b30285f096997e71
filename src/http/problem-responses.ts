import type { OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { openApiSchema } from './openapi-schema.js';
import { PROBLEM_MEDIA_TYPE, problemDocument, ProblemError, problems, type ProblemCode } from './problem.js';

/** {@link ProblemDocument} for the documentation. */
const problemSchema = z
  .object({
    type: z.string().describe('Kind of problem, a URN that ends in the code.'),
    title: z.string().describe('The kind of problem in words; the same for every problem of this code.'),
    status: z.int().describe('The HTTP status.'),
    detail: z.string().describe('What is wrong this time, and what to do about it.'),
    code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]).describe('See docs/errors.md.'),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe('Every mistake of the request, by field.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });

/** Extension of an operation in the OpenAPI document: the codes of the problems it may answer with. */
export const PROBLEM_CODES = 'x-problem-codes';

/** What may go wrong with every request that changes something or has a body. */
const WRITING: readonly ProblemCode[] = [
  'malformed_json',
  'forbidden',
  'payload_too_large',
  'unsupported_media_type',
];

/** Gives every operation a response for each problem it may answer with. */
export function addProblemResponses(document: OpenAPIObject): void {
  for (const item of Object.values(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (!isOperation(operation)) continue;
      const codes = [...operation[PROBLEM_CODES], ...(method === 'get' ? [] : WRITING)];
      operation[PROBLEM_CODES] = [...new Set(codes)];
      Object.assign(operation.responses, problemResponses(operation[PROBLEM_CODES]));
    }
  }
}

interface Operation {
  readonly responses: object;
  [PROBLEM_CODES]: readonly ProblemCode[];
}

const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && PROBLEM_CODES in value;

/** One response per HTTP status; codes that share one are told apart by example. */
function problemResponses(codes: readonly ProblemCode[]): object {
  const statuses = [...new Set(codes.map((code) => problems[code].status))];
  return Object.fromEntries(
    statuses.map((status) => {
      const ofStatus = codes.filter((code) => problems[code].status === status);
      return [
        status,
        {
          description: ofStatus.map((code) => `\`${code}\`: ${problems[code].title}`).join('; '),
          content: {
            [PROBLEM_MEDIA_TYPE]: {
              schema: openApiSchema(problemSchema),
              examples: Object.fromEntries(ofStatus.map((code) => [code, { value: exampleOf(code) }])),
            },
          },
        },
      ];
    }),
  );
}

const exampleOf = (code: ProblemCode) => problemDocument(new ProblemError(code, `${problems[code].title}.`));
