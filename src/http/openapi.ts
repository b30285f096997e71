import { readFileSync } from 'node:fs';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { namedSchemas } from './openapi-schema.js';
import { addProblemResponses } from './problem-responses.js';

const DESCRIPTION = `
Telecom events become exact window metrics in PostgreSQL; what cannot be counted is set aside as an anomaly.

- JSON in camelCase. Instants are ISO 8601 in UTC (\`2025-11-08T22:30:00Z\`); ranges are half-open, \`[from, to)\`.
- Errors are RFC 9457 \`application/problem+json\` with a \`code\` of a closed list and, for a request that is not valid,
  all of its mistakes in \`errors\`. Unknown parameters and fields are mistakes.
- Lists are \`{items, nextCursor}\`: ask again with \`cursor\` until \`nextCursor\` is null. Most come as CSV too, with
  \`?format=csv\` or \`Accept: text/csv\`.
- With ADMIN_API_KEY set, everything but health wants that key: as \`Authorization: Bearer\`, as \`X-API-Key\`, or, in a
  browser, as the password.
`;

const TAGS: readonly (readonly [name: string, description: string])[] = [
  ['Events', 'Putting events into the log.'],
  ['Metrics', 'Counts and sums of tumbling event-time windows.'],
  ['Anomalies', 'Events that were set aside, with their bytes and the reason.'],
  ['Replays', 'Counting in bulk what was set aside.'],
  ['Daily stats', 'What each day adds up to, and the batch that builds it.'],
  ['Simulator', 'Making events up.'],
  ['Operations', 'How the pipeline is doing.'],
];

/** The OpenAPI document of all endpoints. */
export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Telecom data pipeline')
    .setDescription(DESCRIPTION.trim())
    .setVersion(packageVersion())
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: '`Authorization: Bearer <key>`' }, 'bearer')
    .addApiKey(
      { type: 'apiKey', in: 'header', name: 'X-API-Key', description: '`X-API-Key: <key>`' },
      'apiKey',
    )
    .addBasicAuth(
      { type: 'http', scheme: 'basic', description: 'For browsers: the key as password.' },
      'basic',
    )
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('apiKey')
    .addSecurityRequirements('basic');
  for (const [name, description] of TAGS) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  addProblemResponses(document);
  document.components = {
    ...document.components,
    schemas: { ...Object.fromEntries(namedSchemas), ...document.components?.schemas },
  };
  return document;
}

/** Swagger UI at /docs, the document at /docs-json; made on first use, so that it costs no time at boot. */
export function setUpDocs(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => createOpenApiDocument(app), {
    jsonDocumentUrl: 'docs-json',
    raw: ['json'],
    customSiteTitle: 'Telecom data pipeline: API',
    swaggerOptions: {
      displayRequestDuration: true,
      tryItOutEnabled: true,
      // The validator is a site elsewhere, which has no business with this document.
      validatorUrl: null,
    },
  });
}

const packageVersion = (): string =>
  (
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    }
  ).version;
