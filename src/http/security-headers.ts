import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';

const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'"],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** What helmet would set, as far as it makes sense for a service without TLS, and protection from other sites' forms. */
export function setSecurityHeaders(app: NestFastifyApplication, server: FastifyInstance): void {
  app.useSecurityHeaders({
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY },
    // The service speaks plain HTTP; promises about HTTPS are for the proxy before it to make.
    strictTransportSecurity: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xFrameOptions: { action: 'deny' },
  });
  // Browsers add a Basic password to the requests of other sites too, and without a key there is nothing else to stop those.
  app.enableCsrfProtection();
  server.addHook('onRequest', (request, reply, done) => {
    // What the service knows changes by the second, and is not for shared caches. Static files set their own.
    void reply.header('cache-control', 'no-store');
    if (/^\/docs(?:\/|\?|$)/.test(request.url)) void reply.header('content-security-policy', DOCS_POLICY);
    done();
  });
}

/** Swagger UI's page has its styles in itself. */
const DOCS_POLICY = Object.entries({ ...CONTENT_SECURITY_POLICY, styleSrc: ["'self'", "'unsafe-inline'"] })
  .map(
    ([name, sources]) =>
      `${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${sources.join(' ')}`,
  )
  .join(';');
