import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { requireApiKey } from '../auth/api-key.hook.js';
import type { Config } from '../config/config.js';
import { AllowedMethods } from './allowed-methods.js';
import { useBodyParser } from './body-parser.js';
import { setUpDocs } from './openapi.js';
import { ProblemFilter, sendProblem } from './problem.filter.js';
import { RequestValidationPipe } from './request-validation.pipe.js';
import { setSecurityHeaders } from './security-headers.js';
import { StrayInputGuard } from './stray-input.guard.js';
import { toProblem } from './to-problem.js';

/** The server under Nest; {@link configureHttp} does the rest once the application is there. */
export function createFastifyAdapter(config: Pick<Config, 'HTTP_BODY_LIMIT'>): FastifyAdapter {
  const adapter = new HttpAdapter({
    bodyLimit: config.HTTP_BODY_LIMIT,
    routerOptions: { maxParamLength: 500 },
    // Addresses that no route can be looked up for; neither hooks nor the filter see them.
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) => {
      void reply.header('x-content-type-options', 'nosniff');
      sendProblem(reply, toProblem(error));
    },
  });
  useBodyParser(adapter);
  return adapter;
}

class HttpAdapter extends FastifyAdapter {
  override registerParserMiddleware(): void {
    // Nest would put its own parsers before the one of useBodyParser.
  }
}

/** Errors, validation, access, headers and documentation; the same for the service and for its tests. Before `init`. */
export function configureHttp(app: NestFastifyApplication, config: Pick<Config, 'ADMIN_API_KEY'>): void {
  const server = app.getHttpAdapter().getInstance();
  const allowedMethods = new AllowedMethods();
  const problems = new ProblemFilter(allowedMethods);
  server.addHook('onRoute', (route) => {
    allowedMethods.add(route.url, route.method);
    // Routes that do not come from a controller are there before Nest has told the server who answers for errors.
    route.errorHandler ??= (error, request, reply) => {
      problems.answer(error, request, reply);
    };
  });
  setSecurityHeaders(app, server);
  requireApiKey(server, config);
  app.useGlobalFilters(problems);
  app.useGlobalGuards(new StrayInputGuard());
  app.useGlobalPipes(new RequestValidationPipe());
  setUpDocs(app);
}
