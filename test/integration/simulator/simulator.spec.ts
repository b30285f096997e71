import { Global, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { CONFIG, parseConfig } from '../../../src/config/config.js';
import { DatabaseService } from '../../../src/database/database.service.js';
import { configureHttp, createFastifyAdapter } from '../../../src/http/configure-http.js';
import type { Run, SimulatorState } from '../../../src/simulator/simulator.schemas.js';
import { SimulatorModule } from '../../../src/simulator/simulator.module.js';
import { EventPublisher, PublishError, type OutgoingEvent } from '../../../src/transport/event-publisher.js';

/** A log that keeps what it is given, answers when it is let, and fails when it is told to. */
class RecordingPublisher extends EventPublisher {
  readonly events: OutgoingEvent[] = [];
  readonly batchSizes: number[] = [];
  attempts = 0;
  /** Published, but not answered yet. */
  inFlight = 0;
  mostInFlight = 0;
  /** Thrown, one an attempt, before anything is kept. */
  readonly failures: Error[] = [];
  /** Thrown at every attempt. */
  failure: Error | null = null;
  closed = false;
  private readonly waiting: (() => void)[] = [];
  private held = false;

  override async publish(events: readonly OutgoingEvent[]): Promise<void> {
    this.attempts += 1;
    if (this.closed) throw new Error('The log is closed');
    const failure = this.failures.shift() ?? this.failure;
    if (failure) throw failure;
    this.inFlight += events.length;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    if (this.held) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.inFlight -= events.length;
    this.batchSizes.push(events.length);
    this.events.push(...events);
  }

  hold(): void {
    this.held = true;
  }

  /** Answers the batch in flight; the next one is held again. */
  answer(): void {
    this.waiting.shift()?.();
  }

  release(): void {
    this.held = false;
    while (this.waiting.length > 0) this.answer();
  }

  onApplicationShutdown(): void {
    this.closed = true;
  }
}

const unavailable = (message: string): PublishError => new PublishError('unavailable', message);

let app: NestFastifyApplication;
let log: RecordingPublisher;

async function boot(env: Record<string, string> = { SIMULATOR_AUTOSTART: 'false' }): Promise<void> {
  log = new RecordingPublisher();
  const config = parseConfig(env);
  @Global()
  @Module({
    providers: [
      { provide: EventPublisher, useValue: log },
      { provide: CONFIG, useValue: config },
      { provide: DatabaseService, useValue: { whenReady: () => Promise.resolve() } },
    ],
    exports: [EventPublisher, DatabaseService, CONFIG],
  })
  class Surroundings {}
  const module = await Test.createTestingModule({ imports: [Surroundings, SimulatorModule] }).compile();
  app = module.createNestApplication<NestFastifyApplication>(createFastifyAdapter(config));
  app.useLogger(false);
  configureHttp(app, config);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within 10 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly type: unknown;
}

async function call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer<T>> {
  const response = await app.inject({
    method,
    url: `/simulator${path}`,
    ...(body === undefined ? {} : { payload: body as object }),
  });
  return { status: response.statusCode, body: response.json<T>(), type: response.headers['content-type'] };
}

const start = (body?: unknown) => call<Run>('POST', '/start', body);
const stop = () => call<Run>('POST', '/stop');
const state = async () => (await call<SimulatorState>('GET', '')).body;
const ended = () => until(async () => (await state()).status === 'idle');

const texts = (events: readonly OutgoingEvent[]): string[] => events.map(({ value }) => String(value));
const timeless = (events: readonly OutgoingEvent[]): string[] =>
  texts(events).map((text) => text.replace(/"timestamp": "[^"]+", /, ''));

afterEach(async () => {
  log.release();
  await app.close();
});

describe('a run', () => {
  beforeEach(() => boot());

  it('starts without a body, at 50 events a second, with a seed of its own', async () => {
    const { status, body } = await start();
    expect(status).toBe(201);
    expect(body).toMatchObject({
      parameters: { eventsPerSecond: 50, totalEvents: null, durationSeconds: null, invalidRate: 0 },
      status: 'running',
      sent: 0,
      lastError: null,
      finishedAt: null,
    });
    expect(Number.isInteger(body.seed)).toBe(true);
    await until(() => log.events.length >= 3);
    const { run, status: simulator } = await state();
    expect(simulator).toBe('running');
    expect(run).toMatchObject({ id: body.id, seed: body.seed, status: 'running' });
  });

  it('starts with an empty object, and with an empty body that says it is JSON', async () => {
    expect((await start({})).status).toBe(201);
    await stop();
    const response = await app.inject({
      method: 'POST',
      url: '/simulator/start',
      headers: { 'content-type': 'application/json' },
      payload: '',
    });
    expect(response.statusCode).toBe(201);
  });

  it('ends after totalEvents, exactly', async () => {
    await start({ eventsPerSecond: 20_000, totalEvents: 2345 });
    await ended();
    const { run } = await state();
    expect(run).toMatchObject({ status: 'finished', sent: 2345 });
    expect(run?.finishedAt).not.toBeNull();
    expect(log.events).toHaveLength(2345);
  });

  it('ends after durationSeconds, with rate × duration events, at the rate it was asked for', async () => {
    await start({ eventsPerSecond: 500, durationSeconds: 0.5 });
    await ended();
    const { run } = await state();
    expect(run).toMatchObject({ status: 'finished', sent: 250 });
    expect(run?.eventsPerSecond).toBeGreaterThan(100);
    expect(run?.eventsPerSecond).toBeLessThanOrEqual(501);
  });

  it('gives each event the time it was due, in order, and its msisdn as key', async () => {
    const before = Date.now();
    await start({ eventsPerSecond: 2000, totalEvents: 500 });
    await ended();
    const records = texts(log.events).map(
      (text) => JSON.parse(text) as { timestamp: string; msisdn: string },
    );
    const stamps = records.map(({ timestamp }) => timestamp);
    expect(stamps).toEqual([...stamps].sort());
    expect(new Set(stamps).size).toBe(stamps.length);
    expect(Date.parse(stamps[0]!)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(stamps.at(-1)!)).toBeLessThanOrEqual(Date.now());
    expect(log.events.map(({ key }) => key)).toEqual(records.map(({ msisdn }) => msisdn));
  });

  it('with the same seed sends the same events again, but for their times', async () => {
    const parameters = { eventsPerSecond: 20_000, totalEvents: 1000, seed: 7 };
    expect((await start(parameters)).body.seed).toBe(7);
    await ended();
    await start(parameters);
    await ended();
    expect(timeless(log.events.slice(1000))).toEqual(timeless(log.events.slice(0, 1000)));
  });

  it('breaks the share of events it is asked to break', async () => {
    await start({ eventsPerSecond: 20_000, totalEvents: 2000, seed: 7, invalidRate: 0.5 });
    await ended();
    const whole = texts(log.events).filter((text) => text.startsWith('{"event_id": ') && text.endsWith('}'));
    expect(whole.length).toBeLessThan(2000);
    expect(texts(log.events).filter((text) => text === 'not json').length).toBeGreaterThan(0);
    expect(log.events.every(({ key }) => /^\d{13}$/.test(key!))).toBe(true);
  });
});

describe('one run at a time', () => {
  beforeEach(() => boot());

  it('refuses a second start, and lets the first run go on', async () => {
    const first = await start();
    const second = await start({ eventsPerSecond: 1 });
    expect(second.status).toBe(409);
    expect(second.type).toContain('application/problem+json');
    expect(second.body).toMatchObject({ code: 'simulator_running' });
    expect((await state()).run?.id).toBe(first.body.id);
  });

  it('has nothing to stop before the first run and after the last', async () => {
    expect(await state()).toEqual({ status: 'idle', run: null });
    expect((await stop()).body).toMatchObject({ status: 409, code: 'simulator_not_running' });
    await start();
    expect((await stop()).status).toBe(200);
    expect((await stop()).body).toMatchObject({ status: 409, code: 'simulator_not_running' });
  });

  it('starts again after a stop', async () => {
    const first = await start();
    await stop();
    const second = await start();
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.body.id);
  });
});

describe('a stop', () => {
  beforeEach(() => boot());

  it('waits for the batch in flight and counts what was really sent', async () => {
    log.hold();
    await start({ eventsPerSecond: 1000 });
    await until(() => log.inFlight > 0);
    const batch = log.inFlight;
    let answered = false;
    const stopping = stop().then((response) => {
      answered = true;
      return response;
    });
    await until(async () => (await start()).status === 409);
    expect(answered).toBe(false);
    log.answer();
    expect((await stopping).body).toMatchObject({ status: 'stopped', sent: batch });
    expect(log.events).toHaveLength(batch);
    expect(log.attempts).toBe(1);
  });

  it('asked for twice at once is answered twice', async () => {
    await start();
    const answers = await Promise.all([stop(), stop()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('does not wait for the next event of a slow run', async () => {
    await start({ eventsPerSecond: 0.1 });
    expect((await stop()).body).toMatchObject({ status: 'stopped', sent: 0 });
  });

  it('does not wait for a log that is not available, and counts nothing that is not in it', async () => {
    log.failure = unavailable('The brokers cannot be reached.');
    await start({ eventsPerSecond: 1000 });
    await until(() => log.attempts > 0);
    expect((await stop()).body).toMatchObject({
      status: 'stopped',
      sent: 0,
      lastError: { message: 'The brokers cannot be reached.' },
    });
  });
});

describe('a slow log', () => {
  beforeEach(() => boot());

  it('never has more than one batch of 5000 events on its way, whatever the rate', async () => {
    log.hold();
    await start({ eventsPerSecond: 20_000 });
    for (let batch = 0; batch < 3; batch += 1) {
      await until(() => log.inFlight > 0);
      // 5000 events become due in 250 ms; the log lets them wait for longer.
      await new Promise((resolve) => setTimeout(resolve, 400));
      log.answer();
      await until(() => log.batchSizes.length > batch);
    }
    expect(log.mostInFlight).toBeLessThanOrEqual(5000);
    expect(Math.max(...log.batchSizes)).toBe(5000);
    const { run } = await state();
    expect(run?.sent).toBe(log.events.length);
    expect(run?.eventsPerSecond).toBeGreaterThan(0);
    expect(run?.eventsPerSecond).toBeLessThan(18_000);
  });
});

describe('a log that is not available', () => {
  beforeEach(() => boot());

  it('gets the same batch until it takes it, and the status says why it waits', async () => {
    log.failures.push(unavailable('The brokers cannot be reached.'), unavailable('Still not.'));
    const tried: string[][] = [];
    const publish = log.publish.bind(log);
    log.publish = (events) => {
      tried.push(texts(events));
      return publish(events);
    };
    await start({ eventsPerSecond: 1000, totalEvents: 300 });
    await until(async () => (await state()).run?.lastError?.message === 'Still not.');
    expect((await state()).run).toMatchObject({ status: 'running', sent: 0 });
    await ended();
    expect((await state()).run).toMatchObject({
      status: 'finished',
      sent: 300,
      lastError: { message: 'Still not.' },
    });
    expect(tried[1]).toEqual(tried[0]);
    expect(tried[2]).toEqual(tried[0]);
    expect(texts(log.events)).toEqual(tried.slice(2).flat());
  });

  it('fails the run only when it refuses an event for good', async () => {
    log.failures.push(new PublishError('too_large', 'The log takes no record of that size.'));
    await start();
    await ended();
    expect((await state()).run).toMatchObject({
      status: 'failed',
      sent: 0,
      lastError: { message: 'The log takes no record of that size.' },
    });
    expect((await start()).status).toBe(201);
  });

  it('does not tell its inner failures to callers', async () => {
    log.failures.push(new Error('password=hunter2'));
    await start();
    await ended();
    expect((await state()).run).toMatchObject({
      status: 'failed',
      lastError: { message: 'An internal error; see the log.' },
    });
  });
});

describe('a request to start', () => {
  beforeEach(() => boot());

  it.each<[string, unknown, string]>([
    ['a rate of 0', { eventsPerSecond: 0 }, 'eventsPerSecond'],
    ['a rate above 20000', { eventsPerSecond: 20_001 }, 'eventsPerSecond'],
    ['a rate that is a text', { eventsPerSecond: '50' }, 'eventsPerSecond'],
    ['a seed with a fraction', { seed: 1.5 }, 'seed'],
    ['a negative seed', { seed: -1 }, 'seed'],
    ['a seed of more than 32 bits', { seed: 2 ** 32 }, 'seed'],
    ['no events at all', { totalEvents: 0 }, 'totalEvents'],
    ['no time at all', { durationSeconds: 0 }, 'durationSeconds'],
    ['more than all events broken', { invalidRate: 1.1 }, 'invalidRate'],
    ['a field nobody knows', { rate: 5 }, 'rate'],
    ['a list', [1], 'body'],
  ])('with %s is refused by name of the field', async (_, body, field) => {
    const response = await start(body);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code: 'invalid_request', errors: [{ field }] });
    expect((await state()).run).toBeNull();
  });

  it('names all its mistakes at once', async () => {
    const { body } = await start({ eventsPerSecond: -1, invalidRate: 2 });
    expect(body).toMatchObject({
      errors: [
        { field: 'eventsPerSecond', message: 'must be a number from 0.1 to 20000' },
        { field: 'invalidRate', message: 'must be a number from 0 to 1' },
      ],
    });
  });
});

describe('the documentation', () => {
  beforeEach(() => boot());

  it('has every parameter with a text and an example, and every answer', async () => {
    const response = await app.inject({ method: 'GET', url: '/docs-json' });
    const document = response.json<OpenApi>();
    const begin = document.paths['/simulator/start']!.post!;
    const { properties } = begin.requestBody!.content['application/json']!.schema;
    expect(Object.keys(properties).sort()).toEqual([
      'durationSeconds',
      'eventsPerSecond',
      'invalidRate',
      'seed',
      'totalEvents',
    ]);
    for (const property of Object.values(properties)) {
      expect(property.description).toMatch(/\.$/);
      expect(property.example).toBeDefined();
    }
    expect(begin.requestBody!.required).not.toBe(true);
    expect(Object.keys(begin.responses)).toEqual(expect.arrayContaining(['201', '400', '409']));
    const halt = document.paths['/simulator/stop']!.post!;
    expect(Object.keys(halt.responses)).toEqual(expect.arrayContaining(['200', '409']));
    const fields = document.components.schemas.SimulatorRun!.properties;
    for (const field of Object.values(fields)) expect(field).toHaveProperty('description');
  });
});

interface OpenApiSchema {
  properties: Record<string, { description?: string; example?: unknown }>;
}

interface OpenApiOperation {
  requestBody?: { required?: boolean; content: Record<string, { schema: OpenApiSchema }> };
  responses: object;
}

interface OpenApi {
  paths: Record<string, { get?: OpenApiOperation; post?: OpenApiOperation }>;
  components: { schemas: Record<string, OpenApiSchema> };
}

describe('a boot', () => {
  it('starts a run by itself where log and database are both embedded', async () => {
    await boot({ SIMULATOR_AUTOSTART_RATE: '1000' });
    expect((await state()).run).toMatchObject({ status: 'running', parameters: { eventsPerSecond: 1000 } });
    await until(() => log.events.length > 0);
  });

  it.each<[string, Record<string, string>]>([
    ['the log is Kafka', { KAFKA_BROKERS: 'localhost:9092' }],
    ['the database is not its own', { POSTGRES_HOST: 'localhost' }],
    ['it is told not to', { SIMULATOR_AUTOSTART: 'false' }],
  ])('starts none where %s', async (_, env) => {
    await boot(env);
    expect((await state()).run).toBeNull();
  });

  it('starts a run anywhere when it is told to', async () => {
    await boot({ KAFKA_BROKERS: 'localhost:9092', SIMULATOR_AUTOSTART: 'true' });
    expect((await state()).status).toBe('running');
  });

  it('does not wait for a log that is not there yet', async () => {
    await boot({ SIMULATOR_AUTOSTART: 'false' });
    log.failure = unavailable('The brokers cannot be reached.');
    await start({ eventsPerSecond: 1000 });
    await until(() => log.attempts > 1);
    log.failure = null;
    await until(() => log.events.length > 0);
  });
});

describe('a shutdown', () => {
  beforeEach(() => boot());

  it('lets the batch in flight through before the log closes, and starts no other', async () => {
    log.hold();
    await start({ eventsPerSecond: 1000 });
    await until(() => log.inFlight > 0);
    const batch = log.inFlight;
    const closing = app.close();
    await until(async () => (await start()).status !== 201);
    expect(log.closed).toBe(false);
    log.answer();
    await closing;
    expect(log.closed).toBe(true);
    expect(log.events).toHaveLength(batch);
    expect(log.attempts).toBe(1);
  });

  it('does not wait for a log that is not available', async () => {
    log.failure = unavailable('The brokers cannot be reached.');
    await start({ eventsPerSecond: 1000 });
    await until(() => log.attempts > 0);
    await app.close();
    expect(log.closed).toBe(true);
  });
});

it('a run at 20,000 events a second leaves the event loop free', async () => {
  await boot();
  await start({ eventsPerSecond: 20_000, totalEvents: 1000 });
  await ended();
  const { monitorEventLoopDelay } = await import('node:perf_hooks');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await start({ eventsPerSecond: 20_000, durationSeconds: 2, invalidRate: 0.05 });
  await ended();
  delay.disable();
  expect((await state()).run?.sent).toBeGreaterThan(30_000);
  expect(delay.percentile(95) / 1e6).toBeLessThan(25);
}, 20_000);
