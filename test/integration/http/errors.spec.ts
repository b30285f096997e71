import type { LoggerService } from '@nestjs/common';
import { MetricsQueries } from '../../../src/aggregation/metrics.queries.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createHttpApp, type Answer, type HttpApp } from '../../support/http-app.js';

const problemOf = (answer: Answer): unknown => {
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const body: { status: number; type: string; code: string; title: string; detail: string } = answer.body;
  expect(body.status).toBe(answer.status);
  expect(body.type).toBe(`urn:telecom-pipeline:problem:${body.code}`);
  expect(body.title).toMatch(/\w/);
  expect(body.detail).toMatch(/\w/);
  return [answer.status, body.code];
};

describe('errors', () => {
  let database: TestDatabase;
  let http: HttpApp;
  const logged: unknown[][] = [];
  const keep = (...args: unknown[]): void => void logged.push(args);
  const silent = (): void => undefined;
  const logger: LoggerService = { log: silent, debug: silent, verbose: silent, warn: keep, error: keep };

  /** The next `GET /metrics/keys` fails like this. */
  const failOnce = (error: Error): void => {
    const queries = http.app.get(MetricsQueries);
    queries.keys = () => {
      Reflect.deleteProperty(queries, 'keys');
      return Promise.reject(error);
    };
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    http = await createHttpApp({ url: database.url, logger });
  }, 30_000);
  beforeEach(() => {
    logged.length = 0;
  });
  afterAll(async () => {
    await http.close();
    await database.drop();
  });

  it('404 for a path that is not there', async () => {
    expect(problemOf(await http.get('/nothing?x=1'))).toEqual([404, 'not_found']);
    expect(problemOf(await http.get('/docs/nothing.js'))).toEqual([404, 'not_found']);
  });

  it('405 for a method that a path does not have, with those it has', async () => {
    const answer = await http.post('/metrics', '{}');
    expect(problemOf(answer)).toEqual([405, 'method_not_allowed']);
    expect(answer.headers.allow).toBe('GET, HEAD');
    expect((await http.get('/events')).headers.allow).toBe('POST');
  });

  it('400 for an address that is no address', async () => {
    expect(problemOf(await http.get('/anomalies/%zz'))).toEqual([400, 'invalid_request']);
  });

  it('414 for a path that is far too long', async () => {
    expect(problemOf(await http.get(`/anomalies/${'1'.repeat(600)}`))).toEqual([414, 'uri_too_long']);
  });

  it('400 that names every mistake at once', async () => {
    const answer = await http.get(
      '/metrics?limit=0&colour=red&order=up&from=2025-02-30&to=2025-01-01&key=a&key=b&status=&__proto__=1',
    );
    expect(problemOf(answer)).toEqual([400, 'invalid_request']);
    const { errors, detail }: { errors: { field: string }[]; detail: string } = answer.body;
    expect(errors.map(({ field }) => field).sort()).toEqual(
      ['__proto__', 'colour', 'from', 'key', 'limit', 'order', 'status'].sort(),
    );
    expect(detail).toContain('limit must be a whole number from 1 to 1000');
  });

  it('400 for parameters of endpoints that take none', async () => {
    for (const path of ['/pipeline', '/health/live', '/prometheus', '/anomalies/1']) {
      const answer = await http.get(`${path}?a=1&b=2`);
      expect(problemOf(answer)).toEqual([400, 'invalid_request']);
      expect(answer.body).toMatchObject({ errors: [{ field: 'a' }, { field: 'b' }] });
    }
  });

  it('500 that tells nothing of the inside, but is logged with it', async () => {
    failOnce(new TypeError('secret of the inside'));
    const answer = await http.get('/metrics/keys');
    expect(problemOf(answer)).toEqual([500, 'internal_error']);
    expect(answer.text).not.toMatch(/secret|TypeError|\.ts/);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toEqual(
      expect.arrayContaining([expect.objectContaining({ message: 'secret of the inside' })]),
    );
  });

  it('503 for a database that has gone away, and everything is well again when it is back', async () => {
    failOnce(Object.assign(new Error('terminating connection'), { code: '57P01' }));
    expect(problemOf(await http.get('/metrics/keys'))).toEqual([503, 'database_unavailable']);
    expect((await http.get('/metrics/keys')).status).toBe(200);
  });

  it('come with the headers that every answer has', async () => {
    for (const path of ['/nothing', '/metrics', '/health/live', '/docs', '/anomalies/%zz']) {
      const { headers } = await http.get(path);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('server');
    }
    const policy = String((await http.get('/metrics')).headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    const docs = String((await http.get('/docs')).headers['content-security-policy']);
    expect(docs).toContain("script-src 'self'");
    expect(docs).toContain("style-src 'self' 'unsafe-inline'");
  });

  it('403 when a page of another origin lets a browser change something', async () => {
    const json = { 'content-type': 'application/json' };
    const foreign = { ...json, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    expect(problemOf(await http.post('/events', '{}', foreign))).toEqual([403, 'forbidden']);
    expect((await http.post('/events', '{}', { ...json, 'sec-fetch-site': 'same-origin' })).status).toBe(202);
    expect((await http.post('/events', '{}')).status).toBe(202);
  });
});

describe('without a database', () => {
  let http: HttpApp;

  beforeAll(async () => {
    http = await createHttpApp({
      url: 'postgresql://postgres@127.0.0.1:1/none',
      waitForDatabase: false,
    });
  }, 30_000);
  afterAll(() => http.close());

  it.each(['/metrics', '/metrics/keys', '/anomalies', '/anomalies/1', '/anomalies/summary', '/pipeline'])(
    'GET %s answers 503',
    async (path) => {
      expect(problemOf(await http.get(path))).toEqual([503, 'database_unavailable']);
    },
  );
});
