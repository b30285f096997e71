import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { DataSource } from 'typeorm';
import { AppModule } from '../../src/app.module.js';
import { EVENT_TYPE_WINDOWS, REGION_WINDOWS } from '../../src/aggregation/core/window-spec.js';
import { WindowDeltas } from '../../src/aggregation/core/window-deltas.js';
import { CONFIG, parseConfig, type Config } from '../../src/config/config.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { configureHttp, createFastifyAdapter } from '../../src/http/configure-http.js';
import { intakeRules, takeIn } from '../../src/ingestion/core/intake.js';
import { judgeContent, judged } from '../../src/ingestion/core/judge.js';
import { PartitionDelta } from '../../src/ingestion/core/partition-delta.js';
import { RecentIds } from '../../src/ingestion/core/recent-ids.js';
import { PartitionOwnership } from '../../src/ingestion/partition-ownership.js';
import { EventLogRepository } from '../../src/transport/embedded/event-log.repository.js';
import { EventSource } from '../../src/transport/event-source.js';
import { logRecord } from '../../src/transport/record-batch.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { waitFor } from './service.js';

/** A record for the log; written when its event took place, unless it says otherwise. */
export interface TestRecord {
  readonly value: string | null;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The whole service in this process, with the embedded log and a database of its own, asked over HTTP. */
export class LogApp {
  database!: TestDatabase;
  private app!: NestFastifyApplication;
  private replica: NestFastifyApplication | undefined;

  async start(env: Record<string, string> = {}): Promise<void> {
    this.database = await createTestDatabase();
    // Nothing happens to the days but what the test asks for.
    await this.sql(`UPDATE batch_control SET paused_at = now()`);
    await this.open(env);
  }

  async stop(): Promise<void> {
    await this.replica?.close();
    this.replica = undefined;
    await this.app.close();
    await this.database.drop();
  }

  /** With another configuration, on the same database. */
  async restart(env: Record<string, string> = {}): Promise<void> {
    await this.app.close();
    await this.open(env);
  }

  /** One more replica, which works on jobs but reads no log, until the end of the test. */
  async addReplica(): Promise<void> {
    this.replica = await this.boot({});
  }

  private async open(env: Record<string, string>): Promise<void> {
    this.app = await this.boot(env);
    const { owner } = this.get(PartitionOwnership);
    await waitFor('the log to be claimed', async () => {
      const claimed = await this.sql(`SELECT FROM ingest_partitions WHERE owner = $1`, [owner]);
      return claimed.length > 0;
    });
  }

  private async boot(env: Record<string, string>): Promise<NestFastifyApplication> {
    const config = parseConfig({
      ...{ LOG_LEVEL: 'silent', SIMULATOR_AUTOSTART: 'false', FLUSH_INTERVAL: '20ms' },
      // Tests write of a day long ago.
      EVENT_LOG_RETENTION: '3650d',
      ...env,
    });
    const module = await Test.createTestingModule({
      imports: [AppModule.of(config, this.database.url)],
    }).compile();
    const app = module.createNestApplication<NestFastifyApplication>(createFastifyAdapter(config));
    app.useLogger(false);
    configureHttp(app, config);
    app.connectMicroservice({ strategy: app.get(EventSource) }, { inheritAppConfig: false });
    await app.startAllMicroservices();
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    await app.get(DatabaseService).whenReady();
    return app;
  }

  get<T>(token: abstract new (...args: never) => T): T {
    return this.app.get<T>(token);
  }

  readonly sql = <T>(statement: string, values: unknown[] = []): Promise<T[]> =>
    this.database.dataSource.query(statement, values);

  async ask(method: 'GET' | 'POST', url: string, body?: unknown): Promise<JsonAnswer> {
    const answer = await this.app.inject({
      method,
      url,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        payload: JSON.stringify(body),
      }),
    });
    return { status: answer.statusCode, body: JSON.parse(answer.payload) as unknown };
  }

  /** Appends to the log as its publisher does, but at times of the test's own, and waits until all is counted. */
  async append(records: readonly TestRecord[]): Promise<void> {
    await this.sql(
      `WITH head AS (
         UPDATE event_log_partitions SET next_offset = next_offset + cardinality($1::bytea[]) WHERE partition = 0
         RETURNING next_offset - cardinality($1::bytea[]) AS first)
       INSERT INTO event_log (partition, "offset", payload, appended_at)
       SELECT 0, head.first + place - 1, payload, to_timestamp(written::double precision / 1000)
         FROM head, unnest($1::bytea[], $2::bigint[]) WITH ORDINALITY AS appended(payload, written, place)`,
      [records.map(({ value }) => value && Buffer.from(value)), records.map(({ writtenAt }) => writtenAt)],
    );
    await this.counted();
  }

  /** Waits until ingestion has stored all of the log. */
  async counted(): Promise<void> {
    this.get(EventLogRepository).events.emit('append');
    await waitFor('the log to be counted', async () => {
      const behind = await this.sql(
        `SELECT FROM event_log_partitions AS log LEFT JOIN ingest_partitions AS read ON topic = 'event_log' AND read.partition = log.partition
          WHERE log.next_offset IS DISTINCT FROM read.next_offset`,
      );
      return behind.length === 0;
    });
  }

  /** What windows have to be by the rules of today, as {@link storedWindows} shows them: all of the log, and what was replayed. */
  async expectedWindows(): Promise<string[]> {
    return expectedWindows(this.database.dataSource, this.app.get<Config>(CONFIG));
  }

  async storedWindows(): Promise<string[]> {
    const rows = await this.sql<{ line: string }>(
      `SELECT concat_ws(' ', metric_type, metric_key, to_char(window_start AT TIME ZONE 'UTC', 'MM-DD HH24:MI'),
                        extract(epoch FROM window_end - window_start)::integer, event_count, late_events, sum_micros) AS line
         FROM real_time_metrics ORDER BY metric_type, metric_key, window_start`,
    );
    return rows.map(({ line }) => line);
  }
}

interface StoredAnomaly {
  readonly offset: string;
  readonly topic: string;
  readonly status: string;
  readonly event: Buffer | null;
}

/** Takes the whole log in once more, a record after the other, and adds what was replayed, each as a late event. */
async function expectedWindows(db: Pick<DataSource, 'query'>, config: Config): Promise<string[]> {
  const rows: { offset: string; timestamp: string; value: Buffer | null }[] = await db.query(
    `SELECT "offset", floor(extract(epoch FROM appended_at) * 1000)::bigint AS timestamp, payload AS value FROM event_log ORDER BY "offset"`,
  );
  const records = rows.map((row) => logRecord(Number(row.offset), Number(row.timestamp), row.value));
  const anomalies: StoredAnomaly[] = await db.query(
    `SELECT "offset", topic, status, coalesce(applied_event, raw) AS event FROM anomalies`,
  );
  const setAside = new Set(anomalies.map(({ topic, offset }) => `${topic} ${offset}`));
  const windows = new WindowDeltas();
  const recentIds = RecentIds.by(config);
  let newest: number | null = null;
  const rules = intakeRules(config);
  for (const record of records) {
    const delta: PartitionDelta = new PartitionDelta(0n, newest, recentIds);
    const origin = { topic: 'event_log', partition: 0, incarnation: 1 };
    takeIn(judged(record, rules.maxEventBytes), origin, delta, rules, 0);
    newest = delta.newestEventTime;
    if (!setAside.has(`event_log ${record.offset}`)) windows.merge(delta.windows);
  }
  for (const { event } of anomalies.filter(({ status }) => status === 'replayed')) {
    const verdict = judgeContent(event, Infinity);
    if (verdict.reason !== null) throw new Error(`A replayed anomaly is ${verdict.reason}`);
    const millis = Math.floor(verdict.eventTime / 1000);
    windows.add(
      EVENT_TYPE_WINDOWS,
      EVENT_TYPE_WINDOWS.startOf(millis),
      verdict.typeKey,
      verdict.micros,
      true,
    );
    windows.add(REGION_WINDOWS, REGION_WINDOWS.startOf(millis), verdict.region, 0, true);
  }
  return [...windows]
    .map((window) =>
      [
        ...[window.metricType, window.metricKey],
        new Date(window.windowStart).toISOString().slice(5, 16).replace('T', ' '),
        ...[(window.windowEnd - window.windowStart) / 1000, window.eventCount],
        ...[window.lateEvents, window.sumMicros],
      ].join(' '),
    )
    .sort();
}
