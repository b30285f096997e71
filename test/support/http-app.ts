import type { LoggerService } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../src/app.module.js';
import { parseConfig } from '../../src/config/config.js';
import { CLOCK } from '../../src/daily-stats/clock.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { configureHttp, createFastifyAdapter } from '../../src/http/configure-http.js';
import { EventPublisher, type OutgoingEvent } from '../../src/transport/event-publisher.js';
import { EventSource, type LogBounds, type SourceHealth } from '../../src/transport/event-source.js';

/** Keeps what is published, or fails as it is told to. */
export class RecordingPublisher extends EventPublisher {
  readonly batches: (readonly OutgoingEvent[])[] = [];
  failure: Error | undefined;

  override publish(events: readonly OutgoingEvent[]): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.batches.push(events);
    return Promise.resolve();
  }

  /** What was published last, as text. */
  get last(): { key: string | null; value: string }[] {
    return (this.batches.at(-1) ?? []).map(({ key, value }) => ({ key, value: String(value) }));
  }
}

/** A log that nobody reads. */
export class StubSource extends EventSource {
  override readonly transport = 'embedded';
  override readonly topic = 'telecom_events';
  state: SourceHealth = { connected: true };

  override listener(): void {
    return undefined;
  }
  override seek(): void {
    return undefined;
  }
  override pause(): void {
    return undefined;
  }
  override resume(): void {
    return undefined;
  }
  override bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    return Promise.resolve(new Map());
  }
  override commit(): Promise<void> {
    return Promise.resolve();
  }
  override health(): SourceHealth {
    return this.state;
  }
}

export interface HttpApp {
  readonly app: NestFastifyApplication;
  readonly publisher: RecordingPublisher;
  readonly source: StubSource;
  /** Asks the service, without a socket between. */
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
  post(url: string, body?: string | Buffer, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | number | undefined>;
  readonly text: string;
  /** The body as JSON. */
  readonly body: never;
}

interface Options {
  readonly url: string;
  readonly env?: Record<string, string>;
  /** False for a database that is not there. */
  readonly waitForDatabase?: boolean;
  readonly logger?: LoggerService;
  /** An instant at which the clock of the daily batch stands still; it goes with the real one otherwise. */
  readonly now?: string;
}

/** The service on a real database, but with a log that only remembers. */
export async function createHttpApp(options: Options): Promise<HttpApp> {
  const config = parseConfig({
    LOG_LEVEL: 'silent',
    SIMULATOR_AUTOSTART: 'false',
    // Never asked: the source is a stub. It names the topic whose partitions count.
    KAFKA_BROKERS: '127.0.0.1:1',
    ...options.env,
  });
  const publisher = new RecordingPublisher();
  const source = new StubSource();
  const builder = Test.createTestingModule({ imports: [AppModule.of(config, options.url)] })
    .overrideProvider(EventPublisher)
    .useValue(publisher)
    .overrideProvider(EventSource)
    .useValue(source);
  const { now } = options;
  if (now !== undefined) builder.overrideProvider(CLOCK).useValue(() => Date.parse(now));
  const module = await builder.compile();
  const app = module.createNestApplication<NestFastifyApplication>(createFastifyAdapter(config));
  app.useLogger(options.logger ?? false);
  configureHttp(app, config);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  if (options.waitForDatabase !== false) await app.get(DatabaseService).whenReady();

  const ask = async (
    method: 'GET' | 'POST',
    url: string,
    headers: Record<string, string> = {},
    payload?: string | Buffer,
  ): Promise<Answer> => {
    const response = await app.inject({ method, url, headers, payload });
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.payload,
      get body() {
        return JSON.parse(response.payload) as never;
      },
    };
  };
  return {
    app,
    publisher,
    source,
    get: (url, headers) => ask('GET', url, headers),
    post: (url, body, headers = { 'content-type': 'application/json' }) => ask('POST', url, headers, body),
    close: () => app.close(),
  };
}
