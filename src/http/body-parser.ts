import type { FastifyRequest } from 'fastify';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { ProblemError } from './problem.js';

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/;

/**
 * One parser for every content type, in place of fastify's: it does not choke on `__proto__` (the schemas name unknown
 * fields), lets routes have the bytes as they came, and takes an empty body for none, whatever its type.
 */
export function useBodyParser(adapter: FastifyAdapter): void {
  const server = adapter.getInstance();
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, parseBody(request, body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

function parseBody(request: FastifyRequest, body: Buffer): unknown {
  const mediaType = mediaTypeOf(request);
  const { rawBody } = request.routeOptions.config;
  if (rawBody) {
    if (!rawBody.includes(mediaType)) throw unsupported(mediaType, rawBody);
    return body;
  }
  if (body.length === 0) return undefined;
  if (!JSON_TYPE.test(mediaType)) throw unsupported(mediaType, ['application/json']);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new ProblemError('malformed_json', `The body is not JSON: ${(error as SyntaxError).message}.`);
  }
}

/** The content type without its parameters, in lower case. */
export const mediaTypeOf = (request: FastifyRequest): string =>
  (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

const unsupported = (mediaType: string, supported: readonly string[]): ProblemError =>
  new ProblemError(
    'unsupported_media_type',
    `The body's Content-Type is ${mediaType === '' ? 'missing' : `"${mediaType.slice(0, 100)}"`}; send ${supported.join(' or ')}.`,
  );
