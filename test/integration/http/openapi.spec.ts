import type { OpenAPIObject } from '@nestjs/swagger';
import { problems } from '../../../src/http/problem.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createHttpApp, type HttpApp } from '../../support/http-app.js';

interface Media {
  schema?: { $ref?: string; properties?: Record<string, object>; example?: unknown };
  example?: unknown;
  examples?: Record<string, { value: { code: string } }>;
}
interface Response {
  description?: string;
  content?: Record<string, Media>;
}
interface Operation {
  operationId: string;
  summary?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { name: string; in: string; description?: string; schema?: object }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, Response>;
}

describe('the OpenAPI document', () => {
  let database: TestDatabase;
  let http: HttpApp;
  let document: OpenAPIObject;
  let operations: [name: string, path: string, operation: Operation][];

  beforeAll(async () => {
    database = await createTestDatabase();
    http = await createHttpApp({ url: database.url });
    document = (await http.get('/docs-json')).body;
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item as Record<string, Operation>).map(
        ([method, operation]): [string, string, Operation] => [
          `${method.toUpperCase()} ${path}`,
          path,
          operation,
        ],
      ),
    );
  }, 30_000);
  afterAll(async () => {
    await http.close();
    await database.drop();
  });

  it('has every endpoint', () => {
    expect(operations.map(([name]) => name).sort()).toEqual([
      'GET /anomalies',
      'GET /anomalies/summary',
      'GET /anomalies/{id}',
      'GET /batch/runs',
      'GET /batch/runs/{id}',
      'GET /batch/schedule',
      'GET /daily-stats',
      'GET /health/live',
      'GET /health/ready',
      'GET /metrics',
      'GET /metrics/keys',
      'GET /pipeline',
      'GET /prometheus',
      'GET /replays',
      'GET /replays/{id}',
      'GET /simulator',
      'GET /simulator/runs',
      'GET /simulator/runs/{id}',
      'GET /simulator/runs/{id}/expected',
      'POST /anomalies/{id}/discard',
      'POST /anomalies/{id}/replay',
      'POST /batch/backfill',
      'POST /batch/pause',
      'POST /batch/resume',
      'POST /batch/run',
      'POST /events',
      'POST /pipeline/partitions/{partition}/acknowledge',
      'POST /replays',
      'POST /replays/{id}/cancel',
      'POST /simulator/pause',
      'POST /simulator/resume',
      'POST /simulator/runs/{id}/verify',
      'POST /simulator/start',
      'POST /simulator/stop',
    ]);
  });

  it('says of every endpoint what it is for, under a tag that is described', () => {
    const tags = new Set(document.tags?.filter(({ description }) => description).map(({ name }) => name));
    for (const [name, , { summary, tags: own }] of operations) {
      expect({ name, summary }).toEqual({ name, summary: expect.stringMatching(/\w+ \w+/) as string });
      expect({ name, tagged: own?.some((tag) => tags.has(tag)) }).toEqual({ name, tagged: true });
    }
    expect(new Set(operations.map(([, , { operationId }]) => operationId)).size).toBe(operations.length);
  });

  it('describes every parameter, also those of the path', () => {
    for (const [name, path, { parameters = [] }] of operations) {
      for (const parameter of parameters) {
        expect({ name, parameter }).toEqual({
          name,
          parameter: expect.objectContaining({
            description: expect.stringMatching(/\w/) as string,
            schema: expect.any(Object) as object,
          }) as object,
        });
      }
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      expect(parameters.filter((parameter) => parameter.in === 'path').map((p) => p.name)).toEqual(inPath);
    }
  });

  it('gives every good answer a shape and an example', () => {
    for (const [name, , { responses }] of operations) {
      const good = Object.entries(responses).filter(([status]) => status.startsWith('2'));
      expect({ name, good: good.length }).toEqual({ name, good: 1 });
      for (const media of Object.values(good[0]?.[1].content ?? {})) {
        expect({ name, media }).toEqual({
          name,
          media: expect.objectContaining({ schema: expect.any(Object) as object }) as object,
        });
        expect(media.example ?? media.examples).toBeDefined();
      }
    }
  });

  it('gives every body a shape and an example, of the whole or of its fields', () => {
    const bodies = operations.flatMap(([name, , { requestBody }]) =>
      Object.values(requestBody?.content ?? {}).map((media) => ({ name, media })),
    );
    expect(bodies.length).toBeGreaterThanOrEqual(5);
    for (const { name, media } of bodies) {
      const { schema, example = schema?.example, examples } = media;
      const properties = Object.values(schema?.properties ?? {});
      const exemplified = properties.length > 0 && properties.every((field) => 'example' in field);
      expect({ name, shape: Boolean(schema), example: Boolean(example ?? examples) || exemplified }).toEqual({
        name,
        shape: true,
        example: true,
      });
      for (const field of properties) {
        expect({ name, field }).toEqual({
          name,
          field: expect.objectContaining({ description: expect.stringMatching(/\w/) as string }) as object,
        });
      }
    }
  });

  it('says of lists that they come as CSV too', () => {
    const csv = operations.filter(([, , { responses }]) => responses['200']?.content?.['text/csv']);
    expect(csv.map(([name]) => name).sort()).toEqual([
      'GET /anomalies',
      'GET /anomalies/summary',
      'GET /batch/runs',
      'GET /daily-stats',
      'GET /metrics',
      'GET /metrics/keys',
      'GET /replays',
      'GET /simulator/runs',
    ]);
  });

  it('says that building a day may be refused while it is being built', () => {
    const refusing = operations.filter(([, , { responses }]) =>
      JSON.stringify(responses['409'] ?? null).includes('batch_running'),
    );
    expect(refusing.map(([name]) => name)).toEqual(['POST /batch/run']);
  });

  it('lists what can go wrong at every endpoint, by code, with the status the code has', () => {
    for (const [name, , { responses }] of operations) {
      const bad = Object.entries(responses).filter(([status]) => !status.startsWith('2'));
      const codes = bad.flatMap(([status, { content }]) => {
        const media = content?.['application/problem+json'];
        expect({ name, status, schema: media?.schema }).toEqual({
          name,
          status,
          schema: { $ref: '#/components/schemas/Problem' },
        });
        return Object.entries(media?.examples ?? {}).map(([code, { value }]) => {
          expect(value.code).toBe(code);
          expect(String(problems[code as keyof typeof problems].status)).toBe(status);
          return code;
        });
      });
      expect({ name, codes }).toEqual({
        name,
        codes: expect.arrayContaining([
          'internal_error',
          'invalid_request',
          ...(name.startsWith('POST') ? ['malformed_json', 'unsupported_media_type', 'forbidden'] : []),
        ]) as string[],
      });
    }
  });

  it('says which endpoints want a key, and in which forms', () => {
    expect(Object.keys(document.components?.securitySchemes ?? {})).toEqual(['bearer', 'apiKey', 'basic']);
    expect(document.security).toEqual([{ bearer: [] }, { apiKey: [] }, { basic: [] }]);
    const open = operations.filter(([, , { security }]) => security?.length === 0).map(([name]) => name);
    expect(open.sort()).toEqual(['GET /health/live', 'GET /health/ready']);
    for (const [name, , { responses }] of operations) {
      expect({ name, protected: '401' in responses }).toEqual({ name, protected: !open.includes(name) });
    }
  });

  it('refers only to schemas that it has', () => {
    const text = JSON.stringify(document);
    const names = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
    expect(names.size).toBeGreaterThan(5);
    for (const name of names) expect(document.components?.schemas).toHaveProperty(name!);
  });

  it('is shown by Swagger UI, with files of this service only', async () => {
    const page = await http.get('/docs', { accept: 'text/html' });
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const files = [...page.text.matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      expect((await http.get(new URL(file, 'http://localhost/docs').pathname)).status).toBe(200);
    }
    expect(page.text).not.toMatch(/<script>[^<]/);
  });
});
