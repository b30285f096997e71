import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { createHttpApp, type HttpApp } from '../../support/http-app.js';

const KEY = 'a-key-of-at-least-32-characters-0123';
const OTHER_KEY = 'another-key-of-at-least-32-characters';

describe('with ADMIN_API_KEY set', () => {
  let database: TestDatabase;
  let http: HttpApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    http = await createHttpApp({ url: database.url, env: { ADMIN_API_KEY: KEY } });
  }, 30_000);
  afterAll(async () => {
    await http.close();
    await database.drop();
  });

  it.each([
    '/',
    '/metrics',
    '/metrics/keys',
    '/metrics?nonsense=1',
    '/anomalies',
    '/anomalies/summary',
    '/anomalies/1',
    '/pipeline',
    '/prometheus',
    '/docs',
    '/docs/',
    '/docs/swagger-ui.css',
    '/docs/swagger-ui-init.js',
    '/docs-json',
    '/nothing',
    '/health',
    '/health/',
    '/health/live/',
    '//health/live',
    '/health/../metrics',
  ])('GET %s wants it', async (path) => {
    const answer = await http.get(path);
    expect([answer.status, answer.body]).toEqual([401, expect.objectContaining({ code: 'unauthorized' })]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(String(answer.headers['www-authenticate'])).toMatch(/^Bearer /);
  });

  it('POST /events wants it before it looks at the body', async () => {
    expect((await http.post('/events', '{')).status).toBe(401);
    expect(http.publisher.batches).toHaveLength(0);
  });

  it('other methods want it too', async () => {
    for (const method of ['HEAD', 'OPTIONS', 'DELETE', 'PUT'] as const) {
      expect((await http.app.inject({ method, url: '/metrics' })).statusCode).toBe(401);
    }
  });

  it.each(['/health/live', '/health/ready'])('GET %s does not', async (path) => {
    expect((await http.get(path)).status).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    ['a bearer token', { authorization: `Bearer ${KEY}` }],
    ['X-API-Key', { 'x-api-key': KEY }],
    ['a password', { authorization: `Basic ${Buffer.from(`me:${KEY}`).toString('base64')}` }],
  ])('takes it as %s', async (_, headers) => {
    for (const path of ['/metrics', '/docs', '/docs-json', '/docs/swagger-ui.css']) {
      expect((await http.get(path, headers)).status).toBe(200);
    }
    expect((await http.get('/nothing', headers)).status).toBe(404);
  });

  it.each<[string, Record<string, string>]>([
    ['another key', { authorization: `Bearer ${OTHER_KEY}` }],
    ['a part of it', { 'x-api-key': KEY.slice(0, -1) }],
    ['more than it', { 'x-api-key': `${KEY}0` }],
    ['nothing', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: `Token ${KEY}` }],
  ])('does not take %s', async (_, headers) => {
    expect((await http.get('/metrics', headers)).status).toBe(401);
  });

  it('lets a browser ask its user, but not a script of a page', async () => {
    const page = await http.get('/', { accept: 'text/html,*/*;q=0.8' });
    expect(String(page.headers['www-authenticate'])).toContain('Basic realm=');
    const script = await http.get('/metrics', { accept: '*/*' });
    expect(String(script.headers['www-authenticate'])).not.toContain('Basic');
  });
});

describe('without ADMIN_API_KEY', () => {
  it('everything is open', async () => {
    const database = await createTestDatabase();
    const http = await createHttpApp({ url: database.url });
    try {
      expect((await http.get('/metrics')).status).toBe(200);
      expect((await http.get('/metrics', { authorization: 'Bearer whatever' })).status).toBe(200);
    } finally {
      await http.close();
      await database.drop();
    }
  }, 30_000);
});
