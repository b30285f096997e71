import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config/config.js';
import { ProblemError } from '../http/problem.js';
import { keyMatcher, presentedKeys } from './core/credentials.js';

const REALM = 'realm="telecom-data-pipeline", charset="UTF-8"';

/**
 * With ADMIN_API_KEY set, refuses every request without it, but for routes marked `public`. A hook of the server rather
 * than a Nest guard, so that it also stands before Swagger UI, static files and paths that do not exist.
 */
export function requireApiKey(server: FastifyInstance, config: Pick<Config, 'ADMIN_API_KEY'>): void {
  if (!config.ADMIN_API_KEY) return;
  const matches = keyMatcher(config.ADMIN_API_KEY);
  server.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.public) {
      done();
      return;
    }
    const keys = presentedKeys(request.headers);
    // Not `some`: how many were compared would show in the time.
    if (keys.filter(matches).length > 0) {
      done();
      return;
    }
    void reply.header('www-authenticate', challenges(request));
    done(
      new ProblemError(
        'unauthorized',
        keys.length > 0
          ? 'The API key is not the right one.'
          : 'Send the API key as "Authorization: Bearer <key>" or as "X-API-Key: <key>".',
      ),
    );
  });
}

/** Browsers that open a page ask their user for the key (as the password); scripts on a page get no such dialog. */
const challenges = (request: FastifyRequest): string[] => [
  `Bearer ${REALM}`,
  ...(request.headers.accept?.includes('text/html') ? [`Basic ${REALM}`] : []),
];
