import { Global, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { jest } from '@jest/globals';
import pg from 'pg';
import { CONFIG, parseConfig } from '../../../src/config/config.js';
import { dataSourceOptions } from '../../../src/database/data-source.js';
import { DatabaseService } from '../../../src/database/database.service.js';
import { configureHttp, createFastifyAdapter } from '../../../src/http/configure-http.js';
import type { Run, SimulatorState } from '../../../src/simulator/simulator.schemas.js';
import { SimulatorRun } from '../../../src/simulator/simulator-run.js';
import { SimulatorModule } from '../../../src/simulator/simulator.module.js';
import { EventPublisher, PublishError, type OutgoingEvent } from '../../../src/transport/event-publisher.js';
import { EventSource, type LogBounds } from '../../../src/transport/event-source.js';
import { LogReader } from '../../../src/transport/log-reader.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { StubSource } from '../../support/http-app.js';

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

/** Tells where that log ends. Of its records the pipeline of this suite has taken in all, whenever a run begins. */
class RecordedSource extends StubSource {
  constructor(private readonly publisher: RecordingPublisher) {
    super();
  }

  override async bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    const high = BigInt(this.publisher.events.length);
    await sql(
      `INSERT INTO ingest_partitions (topic, partition, next_offset) VALUES ('event_log', 0, $1), ('telecom_events', 0, $1)
       ON CONFLICT (topic, partition) DO UPDATE SET next_offset = $1`,
      [String(high)],
    );
    return new Map([[0, { logId: 'recorded', low: 0n, high }]]);
  }
}

const unavailable = (message: string): PublishError => new PublishError('unavailable', message);

let database: TestDatabase;
let app: NestFastifyApplication;
let log: RecordingPublisher;
let replica: NestFastifyApplication | undefined;

async function boot(env: Record<string, string> = { SIMULATOR_AUTOSTART: 'false' }): Promise<void> {
  log = new RecordingPublisher();
  app = await bootOn(log, env);
}

/** The simulator on the database of this suite, publishing into that log. */
async function bootOn(
  publisher: RecordingPublisher,
  env: Record<string, string>,
): Promise<NestFastifyApplication> {
  const config = parseConfig(env);
  @Global()
  @Module({
    providers: [
      { provide: EventPublisher, useValue: publisher },
      { provide: EventSource, useValue: new RecordedSource(publisher) },
      // Runs that died are none of this suite's.
      { provide: LogReader, useValue: {} },
      { provide: CONFIG, useValue: config },
      { provide: DatabaseService, useValue: { whenReady: () => Promise.resolve() } },
    ],
    exports: [EventPublisher, EventSource, LogReader, DatabaseService, CONFIG],
  })
  class Surroundings {}
  const module = await Test.createTestingModule({
    imports: [TypeOrmModule.forRoot(dataSourceOptions(config, database.url)), Surroundings, SimulatorModule],
  }).compile();
  const booted = module.createNestApplication<NestFastifyApplication>(createFastifyAdapter(config));
  booted.useLogger(false);
  configureHttp(booted, config);
  await booted.init();
  await booted.getHttpAdapter().getInstance().ready();
  return booted;
}

const sql = <T>(statement: string, values: unknown[] = []): Promise<T[]> =>
  database.dataSource.query(statement, values);

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

async function call<T>(
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  on: NestFastifyApplication = app,
): Promise<Answer<T>> {
  const response = await on.inject({
    method,
    url: `/simulator${path}`,
    ...(body === undefined ? {} : { payload: body as object }),
  });
  return { status: response.statusCode, body: response.json<T>(), type: response.headers['content-type'] };
}

const start = (body?: unknown) => call<Run>('POST', '/start', body);
const stop = () => call<Run>('POST', '/stop');
const pause = () => call<Run>('POST', '/pause');
const resume = () => call<Run>('POST', '/resume');
const state = async () => (await call<SimulatorState>('GET', '')).body;
const ended = () => until(async () => (await state()).status === 'idle');

const texts = (events: readonly OutgoingEvent[]): string[] => events.map(({ value }) => String(value));
/** Without what tells the runs of one seed apart. */
const withoutIds = (events: readonly OutgoingEvent[]): string[] =>
  texts(events).map((text) => text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, ''));
const timeless = (events: readonly OutgoingEvent[]): string[] =>
  withoutIds(events).map((text) => text.replace(/"timestamp": "[^"]+", /, ''));

const eventIdOf = (text: string): unknown => (JSON.parse(text) as { event_id?: unknown }).event_id;

/** Sets the clock ahead, as it goes on while a machine sleeps. */
function skip(milliseconds: number): void {
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + milliseconds);
}

/** Event times, in microseconds since the first. */
function times(events: readonly OutgoingEvent[]): number[] {
  const stamps = texts(events).map((text) => (JSON.parse(text) as { timestamp: string }).timestamp);
  const micros = stamps.map(
    (stamp) => Date.parse(`${stamp.slice(0, 19)}Z`) * 1000 + Number(stamp.slice(20, 26)),
  );
  return micros.map((each) => each - micros[0]!);
}

beforeAll(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  jest.restoreAllMocks();
  log.release();
  await replica?.close();
  replica = undefined;
  await app.close();
  await sql(`TRUNCATE simulator_runs CASCADE`);
});

afterAll(() => database.drop());

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

  it('with the same seed sends the same events again, but for their times and ids', async () => {
    const parameters = { eventsPerSecond: 20_000, totalEvents: 1000, seed: 7 };
    expect((await start(parameters)).body.seed).toBe(7);
    await ended();
    await start(parameters);
    await ended();
    expect(timeless(log.events.slice(1000))).toEqual(timeless(log.events.slice(0, 1000)));
    // Else the pipeline would take them for repeats.
    expect(new Set(texts(log.events).map(eventIdOf)).size).toBe(2000);
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
    const heard = jest.spyOn(SimulatorRun.prototype, 'stop');
    let answered = false;
    const stopping = stop().then((response) => {
      answered = true;
      return response;
    });
    await until(() => heard.mock.calls.length === 1);
    expect((await start()).status).toBe(409);
    expect(answered).toBe(false);
    log.answer();
    expect((await stopping).body).toMatchObject({ status: 'stopped', sent: batch });
    expect(log.events).toHaveLength(batch);
    expect(log.attempts).toBe(1);
  });

  it('asked for twice at once is answered twice', async () => {
    log.hold();
    await start({ eventsPerSecond: 1000 });
    await until(() => log.inFlight > 0);
    const heard = jest.spyOn(SimulatorRun.prototype, 'stop');
    const answers = [stop(), stop()];
    await until(() => heard.mock.calls.length === 2);
    log.answer();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
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

describe('a stall', () => {
  beforeEach(() => boot());

  it('makes the run longer: no event is left out, none has another time, and no flood comes of it', async () => {
    await start({ eventsPerSecond: 500, durationSeconds: 1 });
    await until(() => log.events.length > 0);
    skip(3_600_000);
    await ended();
    expect((await state()).run).toMatchObject({ status: 'finished', sent: 500 });
    expect(times(log.events)).toEqual(Array.from({ length: 500 }, (_, index) => index * 2000));
  });

  it('of the log is made up for by a second of events at most, once it is over', async () => {
    log.hold();
    await start({ eventsPerSecond: 200, totalEvents: 600 });
    await until(() => log.inFlight > 0);
    skip(3_600_000);
    log.release();
    await ended();
    expect((await state()).run).toMatchObject({ status: 'finished', sent: 600 });
    // 200 of that second, and what comes due in a tick, or a slow one.
    expect(Math.max(...log.batchSizes)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...log.batchSizes)).toBeLessThan(300);
  });
});

describe('a pause', () => {
  beforeEach(() => boot());

  it('holds the run, and what was due meanwhile is not made up for', async () => {
    await start({ eventsPerSecond: 500, totalEvents: 400 });
    await until(() => log.events.length > 50);
    const { status, body } = await pause();
    expect([status, body.status]).toEqual([200, 'paused']);
    expect(await state()).toMatchObject({ status: 'paused', run: { sent: log.events.length } });
    skip(3_600_000);
    // Ten ticks in which events would come.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await state()).toMatchObject({ status: 'paused', run: { sent: body.sent, finishedAt: null } });
    expect(log.events).toHaveLength(body.sent);
    expect(body.sent).toBeLessThan(400);

    const before = log.batchSizes.length;
    expect((await resume()).body).toMatchObject({ id: body.id, status: 'running' });
    await ended();
    expect((await state()).run).toMatchObject({ status: 'finished', sent: 400 });
    expect(times(log.events)).toEqual(Array.from({ length: 400 }, (_, index) => index * 2000));
    expect(log.batchSizes.length - before).toBeGreaterThan(1);
  });

  it('does not count towards durationSeconds', async () => {
    await start({ eventsPerSecond: 0.1, durationSeconds: 0.5 });
    await pause();
    skip(60_000);
    expect((await state()).status).toBe('paused');
    await resume();
    await ended();
    expect((await state()).run).toMatchObject({ status: 'finished', sent: 0 });
  });

  it('asked for twice stays one; a run that is not paused goes on', async () => {
    await start();
    expect((await resume()).body).toMatchObject({ status: 'running' });
    expect((await pause()).body).toMatchObject({ status: 'paused' });
    expect((await pause()).body).toMatchObject({ status: 'paused' });
    expect((await start()).body).toMatchObject({ code: 'simulator_running' });
    expect((await resume()).body).toMatchObject({ status: 'running' });
    expect((await state()).status).toBe('running');
  });

  it('lets the batch in flight through', async () => {
    log.hold();
    await start({ eventsPerSecond: 1000 });
    await until(() => log.inFlight > 0);
    const batch = log.inFlight;
    expect((await pause()).body).toMatchObject({ status: 'paused', sent: 0 });
    log.release();
    await until(async () => (await state()).run?.sent === batch);
    expect(log.attempts).toBe(1);
  });

  it('ends with a stop', async () => {
    await start();
    await pause();
    expect((await stop()).body).toMatchObject({ status: 'stopped' });
    expect((await state()).status).toBe('idle');
  });

  it.each(['/pause', '/resume'])('has nothing to do without a run: POST %s', async (path) => {
    expect((await call('POST', path)).body).toMatchObject({ status: 409, code: 'simulator_not_running' });
  });
});

describe('runs', () => {
  const run = async (body: object): Promise<Run> => {
    const started = await start({ eventsPerSecond: 20_000, ...body });
    await ended();
    return (await call<Run>('GET', `/runs/${started.body.id}`)).body;
  };
  interface Runs {
    items: Run[];
    nextCursor: string | null;
  }

  beforeEach(() => boot());

  it('are kept, newest first, a page after the other', async () => {
    const ids: string[] = [];
    for (const totalEvents of [1, 2, 3]) ids.unshift((await run({ totalEvents })).id);
    const first = (await call<Runs>('GET', '/runs?limit=2')).body;
    expect(first.items.map(({ id, sent }) => [id, sent])).toEqual([
      [ids[0], 3],
      [ids[1], 2],
    ]);
    const rest = (await call<Runs>('GET', `/runs?limit=2&cursor=${first.nextCursor}`)).body;
    expect(rest.items.map(({ id }) => id)).toEqual([ids[2]]);
    expect(rest.nextCursor).toBeNull();
    expect((await call('GET', '/runs?cursor=nonsense')).status).toBe(400);
  });

  it('can be listed by status', async () => {
    const finished = await run({ totalEvents: 1 });
    await start();
    const stopped = (await stop()).body;
    const ids = async (status: string): Promise<string[]> =>
      (await call<Runs>('GET', `/runs?status=${status}`)).body.items.map(({ id }) => id);
    expect(await ids('finished')).toEqual([finished.id]);
    expect(await ids('stopped')).toEqual([stopped.id]);
    expect(await ids('running')).toEqual([]);
    expect((await call('GET', '/runs?status=idle')).status).toBe(400);
  });

  it('come as CSV', async () => {
    const { id, seed } = await run({ totalEvents: 5 });
    const response = await app.inject({ method: 'GET', url: '/simulator/runs?format=csv' });
    expect(response.headers['content-type']).toMatch(/^text\/csv/);
    const [header, line] = response.payload.split('\n');
    expect(header).toBe('id,seed,parameters,status,sent,eventsPerSecond,lastError,startedAt,finishedAt');
    expect(line).toMatch(new RegExp(`^${id},${seed},"\\{.*""eventsPerSecond"":20000.*\\}",finished,5,`));
  });

  it('say all that they were started with, enough to have the same events again, but for their ids', async () => {
    const first = await run({
      totalEvents: 500,
      startTime: '2025-11-01T00:00:00Z',
      timeScale: 60,
      typeWeights: { sms: 1, data_session: 3 },
      regionWeights: { Қарағанды: 2, Almaty: 1, 'New York': 3 },
      bursts: { everySeconds: 10, durationSeconds: 1, factor: 3 },
      diurnal: true,
      invalidRate: 0.1,
      duplicateRate: 0.1,
    });
    const { durationSeconds, ...again } = first.parameters;
    expect(durationSeconds).toBeNull();
    expect(again).toMatchObject({ startTime: '2025-11-01T00:00:00Z', lateSeconds: 900, diurnal: true });
    await run({ ...again, seed: first.seed });
    expect(withoutIds(log.events.slice(500))).toEqual(withoutIds(log.events.slice(0, 500)));
  });

  it('that are not there are not found', async () => {
    expect((await call('GET', '/runs/999999')).body).toMatchObject({ status: 404, code: 'not_found' });
    expect((await call('GET', '/runs/abc')).body).toMatchObject({ status: 400, errors: [{ field: 'id' }] });
  });

  it.each(['', '/runs', '/runs/:id'])(
    'whose process is gone are interrupted at the next look: GET %s',
    async (path) => {
      const [row] = await sql<{ id: string }>(
        `INSERT INTO simulator_runs (seed, parameters, owner, sent) VALUES (7, '{"startTime": 0}', 'gone:1', 42) RETURNING id`,
      );
      const { body } = await call<object>('GET', path.replace(':id', row!.id));
      expect(JSON.stringify(body)).toContain('"interrupted"');
      expect((await call('GET', `/runs/${row!.id}`)).body).toMatchObject({
        ...{ status: 'interrupted', sent: 42 },
        finishedAt: expect.any(String) as string,
      });
      expect((await pause()).body).toMatchObject({ code: 'simulator_not_running' });
    },
  );

  it('whose process is gone do not stand in the way of a new one', async () => {
    await sql(
      `INSERT INTO simulator_runs (seed, parameters, owner) VALUES (7, '{"startTime": 0}', 'gone:1')`,
    );
    const { status, body } = await start();
    expect(status).toBe(201);
    expect((await state()).run).toMatchObject({ id: body.id, status: 'running' });
  });

  it('begin one after the other, as soon as the one before is seen to have ended', async () => {
    for (let round = 0; round < 10; round += 1) {
      expect((await start({ eventsPerSecond: 20_000, totalEvents: 1 })).status).toBe(201);
      await ended();
    }
  });
});

describe('two replicas', () => {
  let otherLog: RecordingPublisher;
  const there = <T = Run>(method: 'GET' | 'POST', path: string) => call<T>(method, path, undefined, replica);

  beforeEach(async () => {
    await boot();
    otherLog = new RecordingPublisher();
    replica = await bootOn(otherLog, { SIMULATOR_AUTOSTART: 'false' });
  });

  it('have one run, which both see', async () => {
    const { body } = await start({ eventsPerSecond: 500 });
    expect((await there('POST', '/start')).body).toMatchObject({ status: 409, code: 'simulator_running' });
    await until(async () => ((await there<SimulatorState>('GET', '')).body.run?.sent ?? 0) > 0);
    expect((await there<SimulatorState>('GET', '')).body).toMatchObject({
      status: 'running',
      run: { id: body.id, seed: body.seed, status: 'running' },
    });
    expect(otherLog.attempts).toBe(0);
  });

  it('steer it from either of them', async () => {
    const { id } = (await start({ eventsPerSecond: 500 })).body;
    expect((await there('POST', '/pause')).body).toMatchObject({ id, status: 'paused' });
    expect(await state()).toMatchObject({ status: 'paused', run: { id } });
    expect((await there('POST', '/resume')).body).toMatchObject({ id, status: 'running' });
    expect((await state()).status).toBe('running');
    const stopped = await there('POST', '/stop');
    expect(stopped.body).toMatchObject({ id, status: 'stopped', sent: log.events.length });
    expect((await state()).run).toMatchObject(stopped.body);
    expect((await there('POST', '/stop')).body).toMatchObject({ code: 'simulator_not_running' });
  });

  it('take turns: when the run of one has ended, the other can have one', async () => {
    for (let round = 0; round < 3; round += 1) {
      await start({ eventsPerSecond: 20_000, totalEvents: 10 });
      await until(async () => (await there<SimulatorState>('GET', '')).body.status === 'idle');
      expect((await there('POST', '/start')).status).toBe(201);
      await stop();
    }
  });

  it('that are asked at once have one run', async () => {
    const answers = await Promise.all([start(), there('POST', '/start'), start(), there('POST', '/start')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  it('go on alone: a run whose replica is closed is stopped, and another can start', async () => {
    const { id } = (await there('POST', '/start')).body;
    await replica?.close();
    replica = undefined;
    expect((await state()).run).toMatchObject({ id, status: 'stopped' });
    expect((await start()).status).toBe(201);
  });
});

describe('a database that goes away', () => {
  beforeEach(() => boot());

  const breakConnections = () =>
    sql(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
  const lockIsHeld = async (): Promise<boolean> =>
    (await sql(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7401030`)).length > 0;
  const stored = async (): Promise<{ status: string; sent: string }[]> =>
    sql(`SELECT status, sent FROM simulator_runs`);

  it('does not end a run whose log is there', async () => {
    await start({ eventsPerSecond: 500 });
    await until(() => log.events.length > 0);
    await breakConnections();
    await until(lockIsHeld);
    const before = log.events.length;
    await until(() => log.events.length > before + 100);
    expect((await pause()).body).toMatchObject({ status: 'paused' });
    await breakConnections();
    await until(lockIsHeld);
    expect((await resume()).body).toMatchObject({ status: 'running' });
    expect((await stop()).body).toMatchObject({ status: 'stopped', sent: log.events.length });
    expect(await stored()).toEqual([{ status: 'stopped', sent: String(log.events.length) }]);
  });

  it('does not end a run that somebody has taken for interrupted meanwhile', async () => {
    await start({ eventsPerSecond: 500 });
    await sql(`UPDATE simulator_runs SET status = 'interrupted', finished_at = now()`);
    await until(async () => (await stored())[0]?.status === 'running');
    expect((await stop()).body).toMatchObject({ status: 'stopped', sent: log.events.length });
  });

  it('ends a run when there is a newer one: two are one too many', async () => {
    await start({ eventsPerSecond: 500 });
    await database.dataSource.transaction(async (transaction) => {
      await transaction.query(`UPDATE simulator_runs SET status = 'interrupted', finished_at = now()`);
      await transaction.query(
        `INSERT INTO simulator_runs (seed, parameters, owner) VALUES (8, '{"startTime": 0}', 'other:1')`,
      );
    });
    await until(async () => {
      const seen = log.events.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return log.events.length === seen;
    });
    expect((await sql<{ status: string }>(`SELECT status FROM simulator_runs ORDER BY id`))[0]?.status).toBe(
      'interrupted',
    );
  });

  it('gets the end of a run when it is back', async () => {
    const admin = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
    await admin.connect();
    const allow = (connections: boolean) =>
      admin.query(
        `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} ALLOW_CONNECTIONS ${connections}`,
      );
    try {
      await start({ eventsPerSecond: 500, totalEvents: 300 });
      // It begins with a look at what the pipeline has stored.
      await until(() => log.events.length > 0);
      await allow(false);
      await breakConnections();
      // This was the last connection to it.
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, [
        new URL(database.url).pathname.slice(1),
      ]);
      await until(() => log.events.length === 300);
      expect((await call('GET', '')).status).toBe(503);
      await allow(true);
      await until(async () => (await stored().catch(() => []))[0]?.status === 'finished');
      expect(await stored()).toEqual([{ status: 'finished', sent: '300' }]);
    } finally {
      await allow(true);
      await admin.end();
    }
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
    ['a rate above 200000', { eventsPerSecond: 200_001 }, 'eventsPerSecond'],
    ['a rate that is a text', { eventsPerSecond: '50' }, 'eventsPerSecond'],
    ['a seed with a fraction', { seed: 1.5 }, 'seed'],
    ['a negative seed', { seed: -1 }, 'seed'],
    ['a seed of more than 32 bits', { seed: 2 ** 32 }, 'seed'],
    ['no events at all', { totalEvents: 0 }, 'totalEvents'],
    ['no time at all', { durationSeconds: 0 }, 'durationSeconds'],
    ['more than all events broken', { invalidRate: 1.1 }, 'invalidRate'],
    ['a start that is no instant', { startTime: 'yesterday' }, 'startTime'],
    ['a start before the year 2000', { startTime: '1999-12-31T23:59:59Z' }, 'startTime'],
    ['a start after the year 2099', { startTime: '2100-01-01T00:00:00Z' }, 'startTime'],
    ['a start that is a number', { startTime: 1_762_596_930 }, 'startTime'],
    ['time that stands still', { timeScale: 0 }, 'timeScale'],
    ['a type nobody knows', { typeWeights: { call: 1, mms: 1 } }, 'typeWeights.mms'],
    ['no type at all', { typeWeights: { call: 0 } }, 'typeWeights'],
    ['a weight below 0', { typeWeights: { call: -1, sms: 1 } }, 'typeWeights.call'],
    ['weights in a list', { typeWeights: [1, 2] }, 'typeWeights'],
    ['no region at all', { regionWeights: {} }, 'regionWeights'],
    ['a region without a name', { regionWeights: { '': 1 } }, 'regionWeights.'],
    ['a region with a quote', { regionWeights: { 'a"b': 1 } }, 'regionWeights'],
    ['a region with a comma', { regionWeights: { 'a, b': 1 } }, 'regionWeights'],
    ['a region in two lines', { regionWeights: { 'a\nb': 1 } }, 'regionWeights'],
    [
      'a reason nobody knows',
      { invalidWeights: { late_event: 1, invalid_amount: 1 } },
      'invalidWeights.late_event',
    ],
    ['diurnal that is a text', { diurnal: 'yes' }, 'diurnal'],
    ['half a burst', { bursts: { everySeconds: 60, factor: 2 } }, 'bursts.durationSeconds'],
    [
      'bursts without an end',
      { bursts: { everySeconds: 10, durationSeconds: 10, factor: 2 } },
      'bursts.durationSeconds',
    ],
    ['more than all events late', { lateRate: 1.5 }, 'lateRate'],
    ['events that are late by less than nothing', { lateSeconds: -1 }, 'lateSeconds'],
    ['an order of more than a day', { outOfOrderSeconds: 86_401 }, 'outOfOrderSeconds'],
    ['less than no events twice', { duplicateRate: -0.1 }, 'duplicateRate'],
    ['a share of the future that is a text', { futureRate: '0.1' }, 'futureRate'],
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
        { field: 'eventsPerSecond', message: 'must be a number from 0.1 to 200000' },
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
      'bursts',
      'diurnal',
      'duplicateRate',
      'durationSeconds',
      'eventsPerSecond',
      'futureRate',
      'invalidRate',
      'invalidWeights',
      'lateRate',
      'lateSeconds',
      'outOfOrderSeconds',
      'regionWeights',
      'seed',
      'startTime',
      'timeScale',
      'totalEvents',
      'typeWeights',
    ]);
    for (const [name, property] of Object.entries(properties)) {
      expect({ name, text: property.description }).toEqual({
        name,
        text: expect.stringMatching(/\.$/) as string,
      });
      expect({ name, has: 'example' in property || 'default' in property }).toEqual({ name, has: true });
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
    await until(() => log.events.length > 0);
    expect((await state()).run).toMatchObject({ status: 'running', parameters: { eventsPerSecond: 1000 } });
  });

  it.each<[string, Record<string, string>]>([
    ['the log is Kafka', { KAFKA_BROKERS: 'localhost:9092' }],
    ['the database is not its own', { POSTGRES_HOST: 'localhost' }],
    ['it is told not to', { SIMULATOR_AUTOSTART: 'false' }],
  ])('starts none where %s', async (_, env) => {
    await boot(env);
    // One of its own would have come first.
    expect((await start()).status).toBe(201);
    await stop();
    expect((await call<{ items: Run[] }>('GET', '/runs')).body.items).toHaveLength(1);
  });

  it('starts a run anywhere when it is told to', async () => {
    await boot({ KAFKA_BROKERS: 'localhost:9092', SIMULATOR_AUTOSTART: 'true' });
    await until(async () => (await state()).status === 'running');
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
    const heard = jest.spyOn(SimulatorRun.prototype, 'stop');
    const closing = app.close();
    await until(() => heard.mock.calls.length === 1);
    expect((await start()).status).toBe(503);
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
  expect(Math.abs((await state()).run!.sent - 40_000)).toBeLessThanOrEqual(1);
  expect(delay.percentile(95) / 1e6).toBeLessThan(25);
}, 20_000);
