import { createHash } from 'node:crypto';
import kafkajs from 'kafkajs';
import type { DataSource } from 'typeorm';
import { defaultWeights } from '../../src/simulator/core/default-weights.js';
import { runParameters } from '../../src/simulator/core/run-parameters.js';
import { Traffic } from '../../src/simulator/core/traffic.js';
import { hasKafka, createTestTopic, type TestTopic } from '../support/kafka.js';
import { registerCodecs } from '../support/kafka-codecs.js';
import { waitFor, type Service } from '../support/service.js';
import { servicesPerTest } from '../support/services.js';

/*
 * One log, read in different ways: whatever the batches, their compression, the order in which partitions come, the number of
 * replicas and how often they are killed, the tables are the same to the last byte.
 */

const EVENTS = 40_000;
const PARTITIONS = 4;
const START = Date.UTC(2025, 10, 8, 20);
const DAY = '2025-11-08';

interface LoggedEvent {
  readonly partition: number;
  readonly value: Buffer | null;
  readonly timestamp: string;
}

/** Five hours with all there is: broken, late, too late, early, out of order, and sent twice. */
function theLog(): LoggedEvent[] {
  const traffic = new Traffic({
    ...runParameters(
      {
        ...defaultWeights,
        ...{ eventsPerSecond: 100, timeScale: 45, startTime: START, diurnal: false, bursts: undefined },
        ...{ invalidRate: 0.05, futureRate: 0.01, lateRate: 0.05, lateSeconds: 1500, outOfOrderSeconds: 120 },
        ...{ duplicateRate: 0.05, totalEvents: EVENTS, durationSeconds: undefined },
      },
      START,
    ),
    seed: 8,
  });
  return Array.from({ length: EVENTS }, () => {
    const { key, value, dueAt } = traffic.next();
    return { partition: Number(key) % PARTITIONS, value, timestamp: String(START + Math.ceil(dueAt) * 45) };
  });
}

interface Writing {
  readonly compression: readonly (keyof typeof kafkajs.CompressionTypes)[];
  /** Sizes of batches, by turns. */
  readonly batches: readonly number[];
  /** A partition after the other, or all of them by turns. */
  readonly order: 'one by one' | 'by turns';
}

async function write(
  { producer, topic }: TestTopic,
  log: readonly LoggedEvent[],
  how: Writing,
): Promise<void> {
  const left = Array.from({ length: PARTITIONS }, (_, partition) =>
    log.filter((each) => each.partition === partition),
  );
  for (let turn = 0; left.some((events) => events.length > 0); turn++) {
    const next = how.order === 'by turns' ? turn % PARTITIONS : left.findIndex((events) => events.length > 0);
    const messages = left[next]!.splice(0, how.batches[turn % how.batches.length]);
    const compression = kafkajs.CompressionTypes[how.compression[turn % how.compression.length]!];
    if (messages.length > 0)
      await producer.send({
        topic,
        compression,
        messages: messages.map((event) => ({ ...event, key: null })),
      });
  }
}

/** Everything that the log decides, and nothing that the clock does, as text. */
async function tables(database: DataSource): Promise<Record<string, string[]>> {
  const lines = async (columns: string, table: string): Promise<string[]> => {
    const rows: { line: string }[] = await database.query(
      `SELECT row_to_json(chosen)::text AS line FROM (SELECT ${columns} FROM ${table}) AS chosen ORDER BY row_to_json(chosen)::text COLLATE "C"`,
    );
    return rows.map(({ line }) => line);
  };
  return {
    metrics: await lines(
      'metric_type, metric_key, window_start, window_end, metric_value, event_count, late_events, sum_micros',
      'real_time_metrics',
    ),
    anomalies: await lines(
      `partition, incarnation, "offset", reason, detail, raw, event_data, event_time, record_timestamp, status`,
      'anomalies',
    ),
    checkpoints: await lines(
      `partition, incarnation, first_offset, next_offset, newest_event_time, untimed_until, consumed, counted, late_counted,
       anomalies, duplicates, skipped`,
      'ingest_partitions',
    ),
    days: await lines('stat_date, metric_type, metric_key, metric_value', 'daily_stats'),
    ids: await rememberedIds(database),
  };
}

/** What partitions know of event ids, however it is cut into rows. */
async function rememberedIds(database: DataSource): Promise<string[]> {
  const rows: { partition: number; until: string; first: string; since: string; ids: Buffer }[] =
    await database.query(
      `SELECT partition, until_seq AS until, max(first_seq) OVER (PARTITION BY partition) AS first, since, ids
         FROM recent_event_ids ORDER BY partition, until_seq`,
    );
  return rows.flatMap(({ partition, until, first, since, ids }) =>
    Array.from({ length: ids.length / 12 }, (_, n) => {
      const seq = Number(until) - ids.length / 12 + n;
      const stamp = Number(since) + ids.readInt32LE(n * 12 + 8);
      return seq < Number(first)
        ? []
        : [`${partition} ${seq} ${ids.toString('hex', n * 12, n * 12 + 8)} ${stamp}`];
    }).flat(),
  );
}

const suite = hasKafka ? describe : describe.skip;

suite('one log, however it is written and read,', () => {
  const services = servicesPerTest({ FLUSH_INTERVAL: '50ms' });
  const log = theLog();
  const topics: TestTopic[] = [];
  let first: Record<string, string[]> | undefined;

  beforeAll(registerCodecs);
  afterEach(async () => {
    for (const topic of topics.splice(0)) await topic.close();
  });

  async function newTopic(): Promise<TestTopic> {
    // The records are old.
    const configEntries = [{ name: 'retention.ms', value: '-1' }];
    const topic = await createTestTopic(PARTITIONS, { configEntries });
    topics.push(topic);
    return topic;
  }
  const consumed = (share: number): Promise<boolean> =>
    waitFor(
      `${share * 100} % to be counted`,
      async () => (await services.consumed()) >= EVENTS * share,
      120_000,
    );

  async function tablesOf(asked: Service): Promise<Record<string, string[]>> {
    await services.allConsumed(EVENTS);
    await asked.post('/batch/run', { date: DAY });
    await waitFor('the day to be built', async () => {
      const [row]: { built: boolean }[] = await services.database.dataSource.query(
        `SELECT EXISTS (SELECT FROM daily_stats) AS built`,
      );
      return row!.built;
    });
    const found = await tables(services.database.dataSource);
    for (const [table, lines] of Object.entries(found))
      expect([table, lines.length > 3]).toEqual([table, true]);
    return found;
  }

  async function expectTheSameTables(asked: Service): Promise<void> {
    const found = await tablesOf(asked);
    if (!first)
      throw new Error('The first of these tests makes what the others are compared with: run them all');
    // The whole of it in one hash, and where that differs the lines.
    const hash = (of: object): string => createHash('sha256').update(JSON.stringify(of)).digest('hex');
    if (hash(found) !== hash(first)) expect(found).toEqual(first);
  }

  it('gives these tables: a partition after the other, by one replica', async () => {
    const topic = await newTopic();
    await write(topic, log, { compression: ['None'], batches: [1000], order: 'one by one' });
    first = await tablesOf(await services.start(topic.env));
    const totals = (column: string): number =>
      first!.checkpoints!.reduce(
        (sum, line) => sum + (JSON.parse(line) as Record<string, number>)[column]!,
        0,
      );
    for (const column of ['counted', 'late_counted', 'anomalies', 'duplicates'])
      expect([column, totals(column) > 500]).toEqual([column, true]);
  });

  it('gives the same in small compressed batches, small fetches and small flushes', async () => {
    const topic = await newTopic();
    await write(topic, log, {
      compression: ['GZIP', 'None', 'LZ4'],
      batches: [1, 70, 400, 3, 2000],
      order: 'by turns',
    });
    const env = { FLUSH_INTERVAL: '10ms', FLUSH_MAX_EVENTS: '333', KAFKA_FETCH_MAX_BYTES: '65536' };
    await expectTheSameTables(await services.start({ ...topic.env, ...env }));
  });

  it('gives the same when it is read while it is written, by a replica that is stopped and one that is killed', async () => {
    const topic = await newTopic();
    const env = { ...topic.env, FLUSH_MAX_EVENTS: '2000' };
    const half = log.length / 2;
    let service = await services.start(env);
    await write(topic, log.slice(0, half), { compression: ['Snappy'], batches: [500], order: 'by turns' });
    await consumed(0.1);
    await service.stop();
    service = await services.start(env);
    const written = write(topic, log.slice(half), {
      compression: ['LZ4', 'Snappy'],
      batches: [50],
      order: 'by turns',
    });
    await consumed(0.6);
    await service.kill();
    service = await services.start(env);
    await written;
    await expectTheSameTables(service);
  });

  it('gives the same by three replicas, of which one is killed', async () => {
    const topic = await newTopic();
    const env = { ...topic.env, FLUSH_MAX_EVENTS: '1000' };
    const replicas = await Promise.all([1, 2, 3].map(() => services.start(env)));
    const written = write(topic, log, { compression: ['GZIP'], batches: [100], order: 'by turns' });
    await consumed(0.3);
    await replicas[0]!.kill();
    await written;
    await expectTheSameTables(replicas[1]!);
  });
});
