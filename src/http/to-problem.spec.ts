import { ForbiddenException, NotFoundException } from '@nestjs/common';
import { PublishError } from '../transport/event-publisher.js';
import { problemDocument, ProblemError } from './problem.js';
import { toProblem } from './to-problem.js';

const fastifyError = (statusCode: number, message: string): Error =>
  Object.assign(new Error(message), { name: 'FastifyError', statusCode });

describe('an error becomes a problem', () => {
  it.each<[string, unknown, string]>([
    ['a problem already', new ProblemError('simulator_running', 'x'), 'simulator_running'],
    ['an event that is too large', new PublishError('too_large', 'x'), 'event_too_large'],
    ['a log that is away', new PublishError('unavailable', 'x'), 'log_unavailable'],
    ['a database that is away', Object.assign(new Error('x'), { code: '57P03' }), 'database_unavailable'],
    ['not found by Nest', new NotFoundException(), 'not_found'],
    ['forbidden by Nest', new ForbiddenException(), 'forbidden'],
    ['a body too large for fastify', fastifyError(413, 'x'), 'payload_too_large'],
    ['an address fastify cannot read', fastifyError(400, 'x'), 'invalid_request'],
    ['a fault of fastify', fastifyError(500, 'x'), 'internal_error'],
    ['a status nobody has thought of', fastifyError(418, 'x'), 'internal_error'],
    ['a bug', new TypeError('x'), 'internal_error'],
    ['something thrown that is no error', 'x', 'internal_error'],
    ['something that claims a status', { statusCode: 404, message: 'x' }, 'internal_error'],
  ])('%s', (_, error, code) => {
    expect(toProblem(error).code).toBe(code);
  });

  it('that tells nothing of the inside of the service', () => {
    const secret = 'password of postgres at 10.0.0.1';
    for (const error of [
      new Error(secret),
      new PublishError('unavailable', secret),
      Object.assign(new Error(secret), { code: '28P01' }),
    ]) {
      expect(JSON.stringify(problemDocument(toProblem(error)))).not.toContain(secret);
    }
  });
});
