import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AllowedMethods } from './allowed-methods.js';
import { PROBLEM_MEDIA_TYPE, problemDocument, ProblemError, problems } from './problem.js';
import { toProblem } from './to-problem.js';

/** Renders every error of every request as `application/problem+json`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  constructor(private readonly allowedMethods: AllowedMethods) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = this.withMethods(toProblem(error), request, reply);
    this.log(problem, error, request);
    sendProblem(reply, problem);
  }

  /** A path that is there, but not for this method, is a problem of its own. */
  private withMethods(problem: ProblemError, request: FastifyRequest, reply: FastifyReply): ProblemError {
    if (!request.is404 || problem.code !== 'not_found') return problem;
    const methods = this.allowedMethods.at(request.url);
    if (methods.length === 0 || methods.includes(request.method)) {
      return new ProblemError('not_found', 'There is no such path; see /docs.');
    }
    void reply.header('allow', methods.join(', '));
    return new ProblemError('method_not_allowed', `Only ${methods.join(', ')} can be used here.`);
  }

  private log(problem: ProblemError, error: unknown, request: FastifyRequest): void {
    const { status } = problems[problem.code];
    const what = `${request.method} ${request.url.split('?', 1)[0] ?? ''}: ${problem.code}`;
    // Probes come every few seconds; what is wrong is logged where it is found out.
    if (problem.code === 'not_ready') this.logger.debug(what);
    else if (status === 500) this.logger.error(error, what);
    else if (status > 500) this.logger.warn(`${what}: ${error instanceof Error ? error.message : ''}`);
  }
}

/** Answers with a problem; also from where no filter is at work. */
export function sendProblem(reply: FastifyReply, problem: ProblemError): void {
  // A serializer that the endpoint has set is meant for its own answer.
  void reply
    .code(problems[problem.code].status)
    .type(PROBLEM_MEDIA_TYPE)
    .serializer(JSON.stringify)
    .send(problemDocument(problem));
}
