import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config/config.js';
import { ProblemError } from '../http/problem.js';
import { keyMatcher, presentedKeys } from './core/credentials.js';

const REALM = 'realm="telecom-data-pipeline", charset="UTF-8"';

/**
 * With ADMIN_API_KEY set, refuses every request without it, but for routes marked `public`; without one, requests that
 * are not meant for loopback. A hook of the server rather
 * than a Nest guard, so that it also stands before Swagger UI, static files and paths that do not exist.
 */
export function requireApiKey(server: FastifyInstance, config: Pick<Config, 'ADMIN_API_KEY'>): void {
  if (!config.ADMIN_API_KEY) {
    refuseForeignNames(server);
    return;
  }
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

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/**
 * Without a key the service is open on loopback; a web page that lets its own name resolve to 127.0.0.1 (DNS rebinding)
 * would be let in by the browser, so only loopback's own names are answered.
 */
function refuseForeignNames(server: FastifyInstance): void {
  server.addHook('onRequest', (request, _reply, done) => {
    const name = (request.headers.host ?? 'localhost').replace(/:\d+$/, '');
    if (LOOPBACK.test(name)) done();
    else
      done(
        new ProblemError(
          'forbidden',
          'Without ADMIN_API_KEY the service answers to localhost and 127.0.0.1 only.',
        ),
      );
  });
}
