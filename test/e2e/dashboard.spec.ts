import { randomUUID } from 'node:crypto';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { describeInBrowser, launchBrowser } from '../support/browser.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService, waitFor, type Service } from '../support/service.js';

const KEY = 'dashboard-spec-key-of-at-least-32-characters';
const API = /\/(pipeline|metrics|anomalies|simulator)\b(?!\.js)/;

interface Pipeline {
  partitions: { ledger: { consumed: number } }[];
}

let browser: Browser;
let context: BrowserContext | undefined;
let page: Page;
/** What a browser complains about: broken scripts, and anything the content security policy has stopped. */
let complaints: string[] = [];

async function openPage(url: string, options: BrowserContextOptions = {}): Promise<void> {
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
  page.on('console', (message) => {
    // A failed request is for the page to show; the tests look at that.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin)
      complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(url);
}

const text = (selector: string): Promise<string> => page.locator(selector).innerText();

/** Waits until the element says this. */
const says = (selector: string, expected: string | RegExp): Promise<void> =>
  page.locator(selector).filter({ hasText: expected }).first().waitFor({ timeout: 10_000 });

const event = (fields: object) => ({
  event_id: randomUUID(),
  msisdn: '77011234567',
  region: 'Almaty',
  cell_tower_id: 1234,
  timestamp: new Date().toISOString(),
  event_type: 'sms',
  event_subtype: null,
  ...fields,
});

async function postLines(service: Service, lines: (string | Buffer)[]): Promise<void> {
  const body = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));
  const headers = { 'content-type': 'application/x-ndjson' };
  const response = await fetch(`${service.url}/events`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(await response.text());
}

const consumed = async (service: Service): Promise<number> =>
  (await service.get<Pipeline>('/pipeline')).partitions.reduce((sum, { ledger }) => sum + ledger.consumed, 0);

describeInBrowser('Dashboard', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(() => browser.close());

  afterEach(async () => {
    await context?.close();
    context = undefined;
  });

  describe('of a service that is open', () => {
    let database: TestDatabase;
    let service: Service;

    beforeAll(async () => {
      database = await createTestDatabase({ migrated: false });
      service = await startService({ DATABASE_URL: database.url });
      await service.post('/events', [
        event({ event_type: 'data_session', data_mb: 512, duration_seconds: 60 }),
        event({ event_type: 'data_session', data_mb: 1536, duration_seconds: 60, region: 'Astana' }),
        event({ event_type: 'call', event_subtype: 'incoming', duration_seconds: 5 }),
        event({ event_type: 'call', event_subtype: 'outgoing', duration_seconds: 5 }),
        event({}),
        event({ event_type: 'balance_recharge', amount: 500 }),
      ]);
      await postLines(service, [
        Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]),
        JSON.stringify(event({ event_type: '<img src=/x onerror=alert(1)>\u202Egnp' })),
      ]);
      await waitFor('all events to be counted', async () => (await consumed(service)) === 8);
    });

    afterAll(async () => {
      await service.stop();
      await database.drop();
    });

    const open = (options?: BrowserContextOptions) => openPage(`${service.url}/`, options);

    afterEach(() => {
      expect(complaints).toEqual([]);
    });

    test('tells at a glance that the service is ready and that nothing is lost', async () => {
      await open();
      await says('#strip-state', 'Ready');
      expect(await text('#strip-detail')).toBe('Database and embedded log are up.');
      await says('#lost', 'Nothing');
      expect(await text('#lost-note')).toBe('8 consumed, all accounted for');
      expect(await text('#rate-note')).toBe('1 replica, 1 partition');
      await says('#watermark-note', /behind now; set by partition 0/);
      const row = await page.locator('#partitions-rows tr').innerText();
      expect(row.split(/\s*\t\s*/)).toEqual(
        expect.arrayContaining(['0', 'active', expect.stringContaining('lost: nothing'), '8', '6', '2']),
      );
    });

    test('draws the last hour, and gives the values of the window under pointer or keyboard', async () => {
      await open();
      await says('#readout-total', '6 events');
      expect(await page.locator('#legend li').allInnerTexts()).toEqual([
        'Data sessions\n2',
        'Calls\n2',
        'SMS\n1',
        'Recharges\n1',
        'Data volume\n2.00 GB',
      ]);
      expect(await page.locator('.column').count()).toBe(12);
      const current = page.locator('.column[data-status="open"]').last();
      await current.hover();
      await says('#readout-title', /^\d\d:\d\d to \d\d:\d\d UTC, open$/);
      await page.mouse.move(5, 5);
      await says('#readout-title', 'Whole hour');
      await current.focus();
      await page.keyboard.press('Home');
      await says('#readout-title', 'no events');
      expect(await page.locator('.column:focus title').textContent()).toMatch(/UTC: no events$/);
      await page.keyboard.press('End');
      await says('#readout-title', /UTC, (open|no events)/);
    });

    test('ranks the regions', async () => {
      await open();
      await says('#regions', 'Almaty');
      expect(await page.locator('#regions li').allInnerTexts()).toEqual([
        expect.stringMatching(/^Almaty\s+5\s+83%$/),
        expect.stringMatching(/^Astana\s+1\s+17%$/),
      ]);
    });

    test('shows anomalies as text, whatever is in them', async () => {
      await open();
      await says('#reasons', 'unknown_event_type');
      const rows = page.locator('.anomaly');
      expect(await rows.count()).toBe(2);
      await rows.filter({ hasText: 'unknown_event_type' }).click();
      await says('#anomaly-body', 'The record');
      expect(await text('#anomaly-body pre')).toContain('<img src=/x onerror=alert(1)>⟨U+202E⟩gnp');
      expect(await page.locator('#anomaly img').count()).toBe(0);
      expect(await text('#anomaly-body .facts')).toMatch(/event_log-0@\d+/);
      await page.keyboard.press('Escape');
      await page.locator('#anomaly').waitFor({ state: 'hidden' });
      await page.keyboard.press('ArrowDown');
      expect(await page.locator('.anomaly:focus').count()).toBe(1);

      await rows.filter({ hasText: 'malformed_json' }).press('Enter');
      await says('#anomaly-body pre', '7b ff fe 00 7d');
      await page.locator('#anomaly-close').click();
    });

    test('starts and stops the simulator, also by keyboard', async () => {
      await open();
      await says('#simulator-state', 'idle');
      await page.fill('#simulator-rate-field', '200');
      await page.fill('#simulator-invalid-field', '10');
      await page.keyboard.press('Enter');
      await says('#simulator-state', 'running');
      await says('#simulator-invalid', '10%');
      await waitFor('events of the simulator', async () => (await consumed(service)) > 100);
      await says('#simulator-sent', /[1-9]/);
      await page.locator('#simulator-stop').press('Enter');
      await says('#simulator-state', 'idle');
      await page.locator('#simulator-start:focus').waitFor();
    });

    test('says why a run does not start', async () => {
      await open();
      await says('#simulator-state', 'idle');
      await page.fill('#simulator-rate-field', '99999999');
      await page.click('#simulator-start');
      await says('#simulator-message', /Not done: eventsPerSecond must be/);
    });

    test('says why the service is not ready', async () => {
      await open();
      const detail = 'database: does not answer.';
      await page.route('**/health/ready', (route) =>
        route.fulfill({ status: 503, json: { code: 'not_ready', title: 'Not ready', status: 503, detail } }),
      );
      await says('#strip-state', 'Not ready');
      expect(await text('#strip-detail')).toBe(detail);
      expect(await page.title()).toContain('Not ready');
    });

    test('keeps the last values while nothing answers, says so, and recovers by itself', async () => {
      await open();
      await says('#lost-note', /consumed/);
      const before = await text('#lost-note');
      await context?.setOffline(true);
      await says('#strip-state', 'No answer');
      await says('#strip-detail', /^Values are from \d\d:\d\d:\d\d; trying again every 2 s\.$/);
      expect(await text('#lost-note')).toBe(before);
      expect(await page.locator('.tiles.stale').count()).toBe(1);
      await context?.setOffline(false);
      await says('#strip-state', 'Ready');
      expect(await page.locator('.stale').count()).toBe(0);
    });

    test('names what fails when only a part does', async () => {
      await open();
      await says('#strip-state', 'Ready');
      await page.route(`${service.url}/pipeline`, (route) =>
        route.fulfill({ status: 503, json: { title: 'The database is not available', status: 503 } }),
      );
      await says('#strip-state', 'Stale');
      expect(await text('#strip-detail')).toMatch(
        /^Pipeline: The database is not available\. Values are from/,
      );
      await page.unroute(`${service.url}/pipeline`);
      await says('#strip-state', 'Ready');
    });

    test('asks every 2 s, one request of a kind at a time, and not while the tab is hidden', async () => {
      context = await browser.newContext();
      page = await context.newPage();
      complaints = [];
      await page.clock.install();
      let asked = 0;
      let underWay = 0;
      let most = 0;
      const held: (() => void)[] = [];
      let holding = true;
      await page.route(`${service.url}/pipeline`, async (route) => {
        asked++;
        most = Math.max(most, ++underWay);
        if (holding) await new Promise<void>((release) => held.push(release));
        underWay--;
        await route.continue();
      });
      await page.goto(service.url);
      await waitFor('the first request', () => asked === 1);

      await page.clock.runFor(9_000);
      expect(asked).toBe(1);
      holding = false;
      held.forEach((release) => {
        release();
      });
      await says('#lost', 'Nothing');
      await page.clock.runFor(2_100);
      await waitFor('the second request', () => asked === 2);
      expect(most).toBe(1);

      await says('#strip-state', 'Ready');
      await setHidden(true);
      await page.waitForLoadState('networkidle');
      const before = asked;
      await page.clock.runFor(60_000);
      expect(asked).toBe(before);
      await setHidden(false);
      await waitFor('a request as soon as the tab is seen again', () => asked === before + 1);
    });

    test.each([
      ['light', 360],
      ['dark', 360],
      ['light', 820],
    ] as const)('fits: %s, %i pixels wide', async (colorScheme, width) => {
      await open({ colorScheme, viewport: { width, height: 740 } });
      await says('#partitions-rows', 'active');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    });

    test('is a few files of its own, asked for again by etag, without inline code', async () => {
      const response = await fetch(`${service.url}/`);
      expect(response.headers.get('cache-control')).toBe('private, no-cache');
      expect(response.headers.get('content-security-policy')).toContain("script-src 'self'");
      expect(await response.text()).not.toMatch(/<script>|<style|style="|\son[a-z]+="/);
      const etag = response.headers.get('etag')!;
      // As a browser asks; without a cache-control of its own, fetch would ask for a fresh copy.
      const again = await fetch(`${service.url}/`, {
        headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
      });
      expect(again.status).toBe(304);
      const script = await fetch(`${service.url}/assets/dashboard.js`);
      expect(script.headers.get('content-type')).toMatch(/^(text|application)\/javascript/);
    });

    test.each([
      ['GET', '/assets/none.js', 404, 'not_found'],
      ['GET', '/assets/', 404, 'not_found'],
      ['GET', '/assets/..%2f..%2fdashboard.module.js', 404, 'not_found'],
      ['POST', '/', 405, 'method_not_allowed'],
    ])('leaves %s %s to the API', async (method, path, status, code) => {
      const response = await fetch(service.url + path, { method });
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await response.json()).toMatchObject({ code });
    });
  });

  describe('of a service with ADMIN_API_KEY', () => {
    let database: TestDatabase;
    let service: Service;

    beforeAll(async () => {
      database = await createTestDatabase({ migrated: false });
      service = await startService({ DATABASE_URL: database.url, ADMIN_API_KEY: KEY });
    });

    afterAll(async () => {
      await service.stop();
      await database.drop();
    });

    test('opens with the password the browser asks for', async () => {
      await openPage(service.url, { httpCredentials: { username: 'anyone', password: KEY } });
      await says('#strip-state', 'Ready');
      await says('#partitions-rows', 'active');
      expect(await page.locator('#access').isVisible()).toBe(false);
      expect(complaints).toEqual([]);
    });

    test('asks for the key when requests are refused, and keeps it in this tab only', async () => {
      context = await browser.newContext();
      page = await context.newPage();
      // The page came with a key that has been changed since.
      await page.route('**', (route, request) =>
        route.continue({
          headers: {
            ...request.headers(),
            ...(!API.test(new URL(request.url()).pathname) && { 'x-api-key': KEY }),
          },
        }),
      );
      await page.goto(service.url);
      await page.locator('#access').waitFor();
      await says('#strip-state', 'No access');

      await page.keyboard.press('Escape');
      await page.locator('#access').waitFor({ state: 'hidden' });
      await page.click('#access-open');
      await page.fill('#access-key', 'not-the-right-key');
      await page.keyboard.press('Enter');
      await says('#access-message', 'That key is not the right one.');

      await page.fill('#access-key', KEY);
      await page.keyboard.press('Enter');
      await says('#strip-state', 'Ready');
      await says('#partitions-rows', 'active');
      expect(await page.evaluate('Object.values(sessionStorage)')).toEqual([KEY]);
      expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
    });
  });
});

async function setHidden(hidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}
