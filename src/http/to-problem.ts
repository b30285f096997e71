import { HttpException } from '@nestjs/common';
import { PublishError } from '../transport/event-publisher.js';
import { isDatabaseUnavailable } from './database-unavailable.js';
import { ProblemError, type ProblemCode } from './problem.js';

/** What Nest and fastify throw by themselves, by HTTP status. */
const CODES: Readonly<Record<number, ProblemCode>> = {
  400: 'invalid_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
};

/** The problem that tells a client of an error. Anything unexpected tells it nothing but that. */
export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof PublishError) return publishProblem(error);
  if (isDatabaseUnavailable(error)) {
    return new ProblemError('database_unavailable', 'PostgreSQL does not answer now. Try again in a moment.');
  }
  const status = statusOf(error);
  const code = status === undefined ? undefined : CODES[status];
  if (code) return new ProblemError(code, (error as Error).message);
  return new ProblemError(
    'internal_error',
    'The error is in the log of the service, under the time of this answer.',
  );
}

const publishProblem = (error: PublishError): ProblemError =>
  error.reason === 'too_large'
    ? new ProblemError('event_too_large', error.message)
    : new ProblemError('log_unavailable', 'The event log cannot be written now. Try again in a moment.');

/** Status of an error that Nest or fastify made for the client to see. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && error.name === 'FastifyError' && 'statusCode' in error) {
    return typeof error.statusCode === 'number' ? error.statusCode : undefined;
  }
  return undefined;
}
