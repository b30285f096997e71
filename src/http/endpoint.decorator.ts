import { applyDecorators, HttpCode, UseInterceptors } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExtension, ApiOperation, ApiResponse, type ApiOperationOptions } from '@nestjs/swagger';
import type { z } from 'zod';
import { CsvInterceptor } from './csv.interceptor.js';
import { openApiSchema } from './openapi-schema.js';
import type { ProblemCode } from './problem.js';
import { PROBLEM_CODES } from './problem-responses.js';
import type { RouteSettings } from './route-settings.js';

interface EndpointOptions {
  /** One line. */
  readonly summary: string;
  /** Markdown: what the endpoint does that its summary does not say. */
  readonly description?: string;
  readonly status?: number;
  /** Shape of the answer. A text means `text/plain`, of that description. */
  readonly response: z.ZodType | string;
  readonly responseDescription: string;
  readonly example?: unknown;
  /** For bodies that Nest does not see; those with a schema describe themselves. */
  readonly requestBody?: ApiOperationOptions['requestBody'];
  /** Shape of one row, for lists that also come as CSV. */
  readonly csv?: z.ZodObject;
  /** What can go wrong here, beside what can go wrong everywhere. */
  readonly problems?: readonly ProblemCode[];
  readonly route?: RouteSettings;
}

/** What any endpoint may answer; `unauthorized` unless it is public. */
const EVERYWHERE: readonly ProblemCode[] = ['invalid_request', 'internal_error'];

/** Everything an endpoint says of itself: its documentation, its status, its CSV form, and what the server needs to know. */
export function Endpoint(options: EndpointOptions): MethodDecorator {
  const {
    summary,
    description,
    status = 200,
    response,
    responseDescription,
    example,
    csv,
    route = {},
  } = options;
  const codes = new Set([
    ...EVERYWHERE,
    ...(route.public ? [] : (['unauthorized'] as const)),
    ...(options.problems ?? []),
  ]);
  const decorators: MethodDecorator[] = [
    HttpCode(status),
    RouteConfig(route),
    ApiOperation({
      summary,
      description,
      ...(options.requestBody && { requestBody: options.requestBody }),
      ...(route.public && { security: [] }),
    }),
    ApiResponse({
      status,
      description: responseDescription,
      content: {
        ...(typeof response === 'string'
          ? { 'text/plain': { schema: { type: 'string', description: response }, example } }
          : { 'application/json': { schema: openApiSchema(response), example } }),
        ...(csv && { 'text/csv': { schema: { type: 'string' }, example: csvExample(csv) } }),
      },
      ...(csv && { headers: CSV_HEADERS }),
    }),
    ApiExtension(PROBLEM_CODES, [...codes]),
  ];
  if (csv) decorators.push(UseInterceptors(new CsvInterceptor(Object.keys(csv.shape))));
  return applyDecorators(...decorators);
}

const CSV_HEADERS = {
  'X-Next-Cursor': {
    description: 'CSV only: `cursor` of the next page.',
    schema: { type: 'string' as const },
  },
  Link: { description: 'CSV only: the next page, `rel="next"`.', schema: { type: 'string' as const } },
};

const csvExample = (row: z.ZodObject): string => `${Object.keys(row.shape).join(',')}\n…`;
