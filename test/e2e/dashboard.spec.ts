import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import type { DataSource } from 'typeorm';
import { addEvents } from '../support/batch.js';
import { describeInBrowser, launchBrowser } from '../support/browser.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService, waitFor, type Service } from '../support/service.js';

const KEY = 'dashboard-spec-key-of-at-least-32-characters';
const API = /^\/(pipeline|metrics|anomalies|simulator|daily-stats|batch)\b/;

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

/** The UTC day so many days ago. */
const daysAgo = (count: number): string =>
  new Date(Date.now() - count * 86_400_000).toISOString().slice(0, 10);

async function insertStats(
  database: DataSource,
  day: string,
  stats: [type: string, key: string, value: number][],
): Promise<void> {
  const month = day.slice(0, 7);
  await database.query(
    `CREATE TABLE IF NOT EXISTS daily_stats_${month.replace('-', '_')} PARTITION OF daily_stats
       FOR VALUES FROM ('${month}-01') TO ('${new Date(Date.parse(`${month}-01`) + 32 * 86_400_000).toISOString().slice(0, 7)}-01')`,
  );
  for (const [type, key, value] of stats)
    await database.query(
      `INSERT INTO daily_stats (stat_date, metric_type, metric_key, metric_value) VALUES ($1, $2, $3, $4)`,
      [day, type, key, value],
    );
}

/** Clicks what makes the browser save a file. */
async function download(selector: string): Promise<{ name: string; content: string }> {
  const [file] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
  return { name: file.suggestedFilename(), content: await readFile(await file.path(), 'utf8') };
}

interface Schedule {
  paused: boolean;
  missingDates: string[];
}

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
      // Which log it is comes with another answer than its state.
      await says('#strip-detail', 'Database and embedded log are up.');
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
      expect(await page.locator('#chart .column').count()).toBe(12);
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

      expect(await page.locator('#simulator-resume').isDisabled()).toBe(true);
      await page.locator('#simulator-pause').press('Enter');
      await says('#simulator-state', 'paused');
      await page.locator('#simulator-resume:focus').waitFor();
      expect(await page.locator('#simulator-pause').isDisabled()).toBe(true);
      expect(await page.locator('#simulator-start').isDisabled()).toBe(true);
      await page.keyboard.press('Space');
      await says('#simulator-state', 'running');
      await page.locator('#simulator-pause:focus').waitFor();

      await page.locator('#simulator-stop').press('Enter');
      await says('#simulator-state', 'idle');
      await page.locator('#simulator-start:focus').waitFor();

      await page.locator('#simulator-verify').press('Enter');
      await says(
        '#simulator-message',
        /^Run \d+ is right: [\d,]+ events, \d+ windows compared, no difference\.$/,
      );
      await page.locator('#simulator-verify:focus').waitFor();
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
      await says('#day-state', 'No daily stats');
      await says('#batch-state', 'on schedule');
      await context?.setOffline(true);
      await says('#strip-state', 'No answer');
      await says('#strip-detail', /^Values are from \d\d:\d\d:\d\d; trying again every 2 s\.$/);
      await page.locator('.tiles.stale').waitFor();
      expect(await text('#lost-note')).toBe(before);
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

    test('says that a day has no daily stats, and what came of building it', async () => {
      await open();
      await says('#days-empty', 'No day has daily stats yet.');
      await says('#day-state', 'No daily stats for this day');
      expect(await text('#day-name')).toContain(daysAgo(1));
      expect(await page.inputValue('#day')).toBe(daysAgo(1));
      await page.locator('#day-build').press('Enter');
      await says('#day-why', /^Its last run: succeeded, 0 rows, /);
      await page.locator('#day-build:focus').waitFor();
    });

    test('pauses and resumes the batch, also by keyboard', async () => {
      const isPaused = async () => (await service.get<Schedule>('/batch/schedule')).paused;
      await open();
      await says('#batch-state', 'on schedule');
      await says('#batch-next', /\d\d:05:00$/);
      await page.click('#batch-pause');
      await says('#batch-state', 'paused');
      await says('#batch-next', 'none while paused');
      expect(await isPaused()).toBe(true);
      await page.locator('#batch-resume:focus').press('Enter');
      await says('#batch-state', 'on schedule');
      expect(await isPaused()).toBe(false);
      await page.locator('#batch-pause:focus').waitFor();
    });

    test('says why the batch is not paused', async () => {
      await open();
      await says('#batch-state', 'on schedule');
      const detail = '<b>The database</b> does not answer.';
      await page.route('**/batch/pause', (route) => route.fulfill({ status: 503, json: { detail } }));
      await page.click('#batch-pause');
      await says('#batch-message', `Not done: ${detail}`);
      await page.locator('#batch-pause:focus').waitFor();
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

  describe('of a service with daily stats', () => {
    const HOSTILE = '<img src=x onerror=alert(1)>';
    const [newest, unbuilt, older, first] = [daysAgo(2), daysAgo(3), daysAgo(5), daysAgo(40)];
    let database: TestDatabase;
    let service: Service;

    beforeAll(async () => {
      database = await createTestDatabase();
      const { dataSource } = database;
      // Nothing is built unless somebody asks for it.
      await dataSource.query('UPDATE batch_control SET paused_at = now()');
      await addEvents(dataSource, [
        { at: `${first}T10:00:00Z`, type: 'sms', region: 'Almaty' },
        { at: `${unbuilt}T10:00:00Z`, type: 'data_session', region: 'Almaty', micros: 1536_000_000 },
        { at: `${unbuilt}T11:00:00Z`, type: 'balance_recharge', region: 'Almaty', micros: 750_000_000 },
        { at: `${unbuilt}T23:59:00Z`, type: 'call_incoming', region: 'Astana' },
      ]);
      await insertStats(dataSource, newest, [
        ['total_events_count', 'all_regions', 12345],
        ['region_total_events', 'Almaty', 12000],
        ['region_total_events', HOSTILE, 345],
        ['event_type_total_events', 'data_session', 12005],
        ['event_type_total_events', 'sms_incoming', 340],
        ['data_volume_gb', 'all', 1393.13],
        ['recharge_amount', 'all', 284355.4],
        ['anomalies_count', 'malformed_json', 2],
        ['anomalies_count', 'too_late', 5],
      ]);
      await insertStats(dataSource, older, [
        ['total_events_count', 'all_regions', 777],
        ['region_total_events', 'Taraz', 777],
        ['event_type_total_events', 'call_outgoing', 777],
      ]);
      await dataSource.query(
        `INSERT INTO batch_runs (stat_date, trigger, status, attempts, error, started_at, finished_at)
         VALUES ($1, 'catch_up', 'failed', 4, $2, '2025-11-08T00:05:00Z', '2025-11-08T00:05:00.027Z')`,
        [first, HOSTILE],
      );
      service = await startService({ DATABASE_URL: database.url });
      // The watermark passes all days before today.
      await service.post('/events', event({}));
      await waitFor('the event to be counted', async () => (await consumed(service)) === 1);
    });

    afterAll(async () => {
      await service.stop();
      await database.drop();
    });

    beforeEach(async () => {
      await openPage(`${service.url}/`);
      await says('#day-name', newest);
      await says('#day-events', '12,345');
    });

    afterEach(() => {
      expect(complaints).toEqual([]);
    });

    const figures = () => page.locator('#day-figures dd').allInnerTexts();
    const column = (day: string) => page.getByRole('button', { name: day });

    test('shows the newest day that has some, and all text as text', async () => {
      expect(await page.inputValue('#day')).toBe(newest);
      expect(await figures()).toEqual(['12,345', '1,393 GB', '284,355', '7']);
      expect(await page.locator('#day-regions li').allInnerTexts()).toEqual([
        expect.stringMatching(/^Almaty\s+12,000\s+97%$/),
        expect.stringMatching(/^<img src=x onerror=alert\(1\)>\s+345\s+2\.8%$/),
      ]);
      expect(await page.locator('#day-types li').allInnerTexts()).toEqual([
        expect.stringMatching(/^data_session\s+12,005\s+97%$/),
        expect.stringMatching(/^sms_incoming\s+340\s+2\.8%$/),
      ]);
      expect(await page.locator('main img').count()).toBe(0);
    });

    test('draws 30 days, and shows the one that is clicked, chosen by keyboard or entered', async () => {
      expect(await page.locator('#days .column').count()).toBe(30);
      expect(await text('#days-total')).toBe('13,122 events');
      await column(older).hover();
      await says('#days-name', older);
      expect(await text('#days-total')).toBe('777 events');

      await column(older).click();
      await says('#day-events', '777');
      expect(await text('#day-name')).toContain(older);
      expect(await page.inputValue('#day')).toBe(older);
      expect(await figures()).toEqual(['777', '0 GB', '0', '0']);
      expect(await text('#day-regions')).toMatch(/^Taraz\s+777\s+100%$/);
      expect(await column(older).getAttribute('aria-pressed')).toBe('true');

      for (const key of ['End', 'ArrowLeft', 'Enter']) await page.keyboard.press(key);
      await says('#day-events', '12,345');
      expect(await page.locator('#days [aria-pressed="true"] title').textContent()).toContain(newest);

      await page.fill('#day', older);
      await says('#day-events', '777');
      await page.fill('#day', daysAgo(0));
      await says('#day-message', `Choose a day from 1970-01-01 to ${daysAgo(1)}.`);
      expect(await text('#day-name')).toContain(older);
    });

    test('tells what the batch owes and what it did, long lists cut', async () => {
      const { missingDates } = await service.get<Schedule>('/batch/schedule');
      await says('#owed', 'days missing');
      const [missing, failed] = await page.locator('#owed li').allInnerTexts();
      const shown = missingDates.slice(-5).reverse();
      expect(missing?.split(/\s*\n\s*/)).toEqual([
        `${missingDates.length} days missing`,
        ...shown,
        `and ${missingDates.length - 5} older`,
      ]);
      expect(failed).toMatch(new RegExp(`^1 day failed for good\\s+${first}`));
      const run = page.locator('#runs-rows tr').filter({ hasText: 'catch up' });
      expect((await run.innerText()).split(/\s*\t\s*/)).toEqual([
        first,
        'failed',
        'catch up',
        '4',
        '–',
        '2025-11-08 00:05:00',
        '27 ms',
        HOSTILE,
      ]);

      await page.locator('#owed').getByRole('link', { name: first }).click();
      await says('#day-why', `Its last run: failed, ${HOSTILE}`);
      expect(await text('#day-name')).toContain(first);
    });

    test('saves a day as CSV', async () => {
      const response = await fetch(`${service.url}/daily-stats?date=${newest}&format=csv`);
      expect(await download('#day-csv')).toEqual({
        name: `daily-stats-${newest}.csv`,
        content: await response.text(),
      });
    });

    test('never gives a day the figures of another one, and says what fails', async () => {
      const fails = (path: string) =>
        page.route(path, (route) =>
          route.fulfill({ status: 503, json: { title: 'The database is not available', status: 503 } }),
        );
      await fails('**/daily-stats?*');
      await says('#strip-detail', /^Daily stats: The database is not available\. Values are from/);
      expect(await text('#day-events')).toBe('12,345');
      await column(older).click();
      await says('#day-state', 'Loading …');
      expect(await figures()).toEqual(['–', '–', '–', '–']);
      expect(await page.locator('#day-regions').isVisible()).toBe(false);

      await page.click('#day-csv');
      await says('#day-message', 'Not done: The database is not available');
      await page.unroute('**/daily-stats?*');
      await says('#day-events', '777');
      await says('#strip-state', 'Ready');
    });

    test('shows the day that was chosen last, whatever answer comes last', async () => {
      const released = new Map<string, () => void>();
      await page.route('**/daily-stats?date=*', async (route, request) => {
        const date = new URL(request.url()).searchParams.get('date')!;
        await new Promise<void>((release) => released.set(date, release));
        await route.continue();
      });
      await waitFor('the newest day to be asked for', () => released.has(newest));
      await column(older).click();
      released.get(newest)!();
      await waitFor('the chosen day to be asked for', () => released.has(older));
      expect(await text('#day-state')).toBe('Loading …');
      expect(await text('#day-name')).toContain(older);
      expect(await figures()).toEqual(['–', '–', '–', '–']);
      released.get(older)!();
      await says('#day-events', '777');
      await page.unrouteAll({ behavior: 'ignoreErrors' });
    });

    test.each(['light', 'dark'] as const)('fits with a day on it: %s', async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    });

    test('builds a day', async () => {
      await column(unbuilt).click();
      await says('#day-state', 'No daily stats for this day');
      expect(await page.locator('#day-figures').isVisible()).toBe(false);
      const detail = `${unbuilt} is being built.`;
      await page.route('**/batch/run', (route) => route.fulfill({ status: 409, json: { detail } }));
      await page.click('#day-build');
      await says('#day-message', `Not done: ${detail}`);
      await page.unroute('**/batch/run');

      await page.click('#day-build');
      await says('#day-events', '3');
      expect(await figures()).toEqual(['3', '1.50 GB', '750.0', '0']);
      expect(await page.locator('#day-regions li').allInnerTexts()).toEqual([
        expect.stringMatching(/^Almaty\s+2\s+67%$/),
        expect.stringMatching(/^Astana\s+1\s+33%$/),
      ]);
      expect(await text('#day-message')).toBe('');
      await page.locator('#day:focus').waitFor();
      await says('#days-total', '13,125 events');
      await says('#runs-rows tr:first-child', 'manual');
      expect(await page.locator('#runs-rows tr').first().innerText()).toMatch(
        new RegExp(`^${unbuilt}\\s+succeeded\\s+manual\\s+1\\s+8\\s`),
      );
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

    /** The page comes with a key that has been changed since. */
    async function openWithoutKey(): Promise<void> {
      context = await browser.newContext();
      page = await context.newPage();
      await page.route('**', (route, request) =>
        route.continue({
          headers: {
            ...request.headers(),
            ...(!API.test(new URL(request.url()).pathname) && { 'x-api-key': KEY }),
          },
        }),
      );
      await page.goto(service.url);
    }

    test('opens with the password the browser asks for', async () => {
      await openPage(service.url, { httpCredentials: { username: 'anyone', password: KEY } });
      await says('#strip-state', 'Ready');
      await says('#partitions-rows', 'active');
      expect(await page.locator('#access').isVisible()).toBe(false);
      expect(complaints).toEqual([]);
    });

    test('asks for the key when requests are refused, and keeps it in this tab only', async () => {
      await openWithoutKey();
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

    test('saves CSV and steers the batch with the key of this tab', async () => {
      await database.dataSource.initialize();
      await insertStats(database.dataSource, daysAgo(1), [['total_events_count', 'all_regions', 42]]);
      await openWithoutKey();
      await page.fill('#access-key', KEY);
      await page.keyboard.press('Enter');
      await says('#day-events', '42');
      expect(await download('#day-csv')).toEqual({
        name: `daily-stats-${daysAgo(1)}.csv`,
        content: `statDate,metricType,metricKey,metricValue\n${daysAgo(1)},total_events_count,all_regions,42\n`,
      });
      await page.click('#batch-pause');
      await says('#batch-state', 'paused');
    });
  });
});

async function setHidden(hidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}
