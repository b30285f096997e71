import { Logger } from '@nestjs/common';
import kafkajs, { type Admin } from 'kafkajs';
import { KafkaBroker } from '../../../scripts/kafka/broker.mjs';
import { parseConfig, type Config } from '../../../src/config/config.js';
import { KafkaAdmin } from '../../../src/transport/kafka/kafka.admin.js';
import { KafkaLogReader } from '../../../src/transport/kafka/kafka.log-reader.js';
import { kafkaOptions } from '../../../src/transport/kafka/kafka-client.js';
import type { LogPosition } from '../../../src/transport/log-position.js';
import {
  LogTruncatedError,
  LogUnavailableError,
  type LogReading,
} from '../../../src/transport/log-reader.js';
import { valueOf, type RecordBatch } from '../../../src/transport/record-batch.js';
import { consoleProduce } from '../../support/kafka-tools.js';
import { registerCodecs } from '../../support/kafka-codecs.js';
import { createTestTopic, hasKafka, type TestTopic } from '../../support/kafka.js';
import { waitFor } from '../../support/service.js';

const suite = hasKafka ? describe : describe.skip;
const NEVER = new AbortController().signal;
/** Longest time for a reading to end in. */
const PATIENCE_MS = 20_000;
/** Longest time for a fetch of kafkajs, whose disconnect waits for it. */
const QUICK_MS = 100;

suite('KafkaLogReader', () => {
  let topic: TestTopic;
  let config: Config;
  let admin: KafkaAdmin;
  let reader: KafkaLogReader;
  /** What the test has opened; closed the last one first. */
  let opened: { close(): Promise<void> }[];
  /** For what the tests ask of the broker themselves. */
  let cluster: Admin;

  beforeAll(registerCodecs);
  beforeEach(() => {
    opened = [];
  });
  afterEach(async () => {
    for (const each of opened.reverse()) await each.close();
  });

  function adminOf(of: Config): KafkaAdmin {
    const options = { ...kafkaOptions(of, new Logger('Kafka')), logLevel: kafkajs.logLevel.NOTHING };
    const created = new KafkaAdmin(new kafkajs.Kafka(options), of);
    opened.push(created);
    return created;
  }

  async function begin(
    partitions: number,
    configEntries: { name: string; value: string }[] = [],
  ): Promise<void> {
    topic = await createTestTopic(partitions, { configEntries });
    opened.push(topic);
    config = parseConfig({ ...topic.env, KAFKA_SESSION_TIMEOUT: '6s' });
    admin = adminOf(config);
    reader = new KafkaLogReader(admin, config);
    cluster = topic.kafka.admin();
    await cluster.connect();
    opened.push({ close: () => cluster.disconnect() });
  }

  const offsets = (...each: number[]): Map<number, bigint> =>
    new Map(each.map((offset, partition) => [partition, BigInt(offset)]));
  /** Of the log as it is now. */
  async function positions(asked: KafkaAdmin, ...starts: number[]): Promise<Map<number, LogPosition>> {
    const bounds = await asked.bounds();
    return new Map(
      starts.map((start, partition) => [
        partition,
        { logId: bounds.get(partition)!.logId, offset: BigInt(start) },
      ]),
    );
  }
  async function open(...starts: number[]): Promise<LogReading> {
    const reading = await reader.open(await positions(admin, ...starts));
    opened.push(reading);
    return reading;
  }
  const ends = async (): Promise<number[]> => {
    const bounds = await admin.bounds();
    return [...bounds].sort(([a], [b]) => a - b).map(([, { high }]) => Number(high));
  };
  const deleteRecords = async (before: number): Promise<void> => {
    // kafkajs has to know the topic's leaders first.
    await cluster.fetchTopicOffsets(topic.topic);
    const partitions = [{ partition: 0, offset: String(before) }];
    await cluster.deleteTopicRecords({ topic: topic.topic, partitions });
  };

  interface Found {
    /** Values by partition. */
    readonly values: Map<number, string[]>;
    /** `fetchedOffset nextOffset` of each batch by partition. */
    readonly steps: Map<number, [bigint, bigint][]>;
  }
  async function readTo(
    reading: LogReading,
    to: number[],
    signal = AbortSignal.timeout(PATIENCE_MS),
  ): Promise<Found> {
    const found: Found = { values: new Map(), steps: new Map() };
    let taking = false;
    const take = async ({ partition, fetchedOffset, nextOffset, records }: RecordBatch): Promise<void> => {
      expect(taking).toBe(false);
      taking = true;
      await Promise.resolve();
      const values = found.values.get(partition) ?? [];
      found.values.set(partition, values);
      found.steps.set(partition, [...(found.steps.get(partition) ?? []), [fetchedOffset, nextOffset]]);
      for (let record; (record = records.next());) {
        values.push(String(valueOf(record)));
        expect(BigInt(record.offset)).toBeGreaterThanOrEqual(fetchedOffset);
        expect(BigInt(record.offset)).toBeLessThan(nextOffset);
      }
      taking = false;
    };
    await reading.readTo(offsets(...to), take, signal);
    return found;
  }
  const values = ({ values }: Found): Record<number, string[]> => Object.fromEntries(values);
  const named = (prefix: string, from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `${prefix}${from + i}`);
  const publish = (partition: number, names: string[]): Promise<void> =>
    topic.publish(
      names.map((name) => Buffer.from(name)),
      () => partition,
    );

  describe('reads what lies between the starts and the ends', () => {
    it('of several partitions, also when they lie within batches; and further when the ends have moved', async () => {
      await begin(4);
      for (const partition of [0, 1, 2, 3]) await publish(partition, named(`p${partition}-`, 0, 500));
      const reading = await open(0, 10, 500, 123);
      const first = await readTo(reading, [250, 500, 500, 124]);
      expect(values(first)).toEqual({
        0: named('p0-', 0, 250),
        1: named('p1-', 10, 500),
        3: named('p3-', 123, 124),
      });
      // Nothing between the steps, and nothing beyond the end.
      for (const [partition, steps] of first.steps) {
        for (const [i, [fetchedOffset]] of steps.entries())
          expect(fetchedOffset).toBe(i === 0 ? BigInt([0, 10, 500, 123][partition]!) : steps[i - 1]![1]);
        expect(steps.at(-1)![1]).toBe(BigInt([250, 500, 500, 124][partition]!));
      }

      for (const partition of [0, 2]) await publish(partition, named(`p${partition}-`, 500, 600));
      expect(values(await readTo(reading, [600, 500, 550, 124]))).toEqual({
        0: named('p0-', 250, 600),
        2: named('p2-', 500, 550),
      });
      // Ends that are behind it change nothing.
      expect(values(await readTo(reading, [5, 5, 600, 125]))).toEqual({
        2: named('p2-', 550, 600),
        3: named('p3-', 124, 125),
      });
    });

    it('of an empty stretch without a record', async () => {
      await begin(2);
      await publish(0, named('a', 0, 3));
      const reading = await open(3, 0);
      expect(values(await readTo(reading, [3, 0]))).toEqual({});
      await publish(1, ['b0']);
      expect(values(await readTo(reading, [3, 1]))).toEqual({ 1: ['b0'] });
    });

    it('while more is written, and no further', async () => {
      await begin(1);
      await publish(0, named('a', 0, 300));
      const reading = await open(0);
      const writing = (async () => {
        for (let i = 300; i < 320; i++) await publish(0, [`a${i}`]);
      })();
      expect(values(await readTo(reading, [290]))).toEqual({ 0: named('a', 0, 290) });
      await writing;
      expect(values(await readTo(reading, [320]))).toEqual({ 0: named('a', 290, 320) });
    });

    it.each(['gzip', 'snappy', 'lz4', 'zstd'])('of batches compressed with %s', async (codec) => {
      await begin(1);
      const names = named(`${'x'.repeat(50)}-`, 0, 200);
      await consoleProduce(
        topic,
        codec,
        names.map((name) => Buffer.from(name)),
      );
      const reading = await open(7);
      expect(values(await readTo(reading, [101]))).toEqual({ 0: names.slice(7, 101) });
      expect(values(await readTo(reading, [200]))).toEqual({ 0: names.slice(101, 200) });
    });

    it('at the instant that it was asked for, whatever the order of the timestamps', async () => {
      await begin(2);
      const at = (timestamp: number) => ({
        partition: 0,
        value: String(timestamp),
        timestamp: String(timestamp),
      });
      for (const timestamp of [1000, 3000, 2000, 4000])
        await topic.producer.send({ topic: topic.topic, messages: [at(timestamp)] });
      expect(await reader.offsetsAt(0)).toEqual(offsets(0, 0));
      expect(await reader.offsetsAt(1001)).toEqual(offsets(1, 0));
      expect(await reader.offsetsAt(3001)).toEqual(offsets(3, 0));
      expect(await reader.offsetsAt(4001)).toEqual(offsets(4, 0));
    });
  });

  describe('reads a log with transactions', () => {
    async function transaction(names: string[], end: 'commit' | 'abort'): Promise<void> {
      const producer = topic.kafka.producer({
        transactionalId: topic.topic,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      const open = await producer.transaction();
      for (const value of names) await open.send({ topic: topic.topic, messages: [{ value, partition: 0 }] });
      await open[end]();
      await producer.disconnect();
    }

    /** 0 1 [c] 3 4 5 [a] 7 8 [c] 10 11 [a] */
    beforeEach(async () => {
      await begin(1);
      await transaction(['a0', 'a1'], 'commit');
      await transaction(['x3', 'x4', 'x5'], 'abort');
      await transaction(['b7', 'b8'], 'commit');
      await transaction(['x10', 'x11'], 'abort');
      await waitFor('the last marker', async () => (await ends())[0] === 13);
    });

    it('up to its very end, which is a control record; what was aborted is left out', async () => {
      const reading = await open(0);
      expect(values(await readTo(reading, [13]))).toEqual({ 0: ['a0', 'a1', 'b7', 'b8'] });
      await publish(0, ['c13']);
      expect(values(await readTo(reading, [14]))).toEqual({ 0: ['c13'] });
    });

    it('from any offset to any other', async () => {
      const all = new Map([
        [0, 'a0'],
        [1, 'a1'],
        [7, 'b7'],
        [8, 'b8'],
      ]);
      for (let start = 0; start <= 13; start++) {
        const reading = await open(start);
        for (const end of [Math.min(13, start + 1), Math.min(13, start + 5), 13])
          await readTo(reading, [end]);
        await reading.close();
        const whole = await open(start);
        const found = await readTo(whole, [13]);
        expect(found.values.get(0) ?? []).toEqual(
          [...all].filter(([offset]) => offset >= start).map(([, name]) => name),
        );
        await whole.close();
      }
    });

    it('a stretch at a time', async () => {
      const reading = await open(0);
      const found: string[] = [];
      for (let end = 0; end <= 13; end++) found.push(...((await readTo(reading, [end])).values.get(0) ?? []));
      expect(found).toEqual(['a0', 'a1', 'b7', 'b8']);
    });
  });

  it('reads over the gaps of a compacted log', async () => {
    await begin(1, [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'segment.ms', value: '100' },
      { name: 'min.cleanable.dirty.ratio', value: '0.01' },
      { name: 'max.compaction.lag.ms', value: '100' },
    ]);
    const send = (key: string, value: string) =>
      topic.producer.send({ topic: topic.topic, messages: [{ key, value, partition: 0 }] });
    for (let i = 0; i < 30; i++) await send(i % 3 ? 'often' : `once${i}`, `v${i}`);
    const kept = (): Promise<string[]> => consumeAll();
    await waitFor(
      'the log to be compacted',
      async () => {
        await send('tick', 'tick');
        return (await kept()).filter((value) => value !== 'tick').length < 15;
      },
      120_000,
    );
    const survivors = await kept();
    const [end] = await ends();
    expect(await reader.gaps()).toMatch(/compacted/);
    const reading = await open(0);
    const found = await readTo(reading, [end!]);
    expect(found.values.get(0)!.filter((value) => value !== 'tick')).toEqual(
      survivors.filter((value) => value !== 'tick'),
    );
    expect(found.steps.get(0)!.at(-1)![1]).toBe(BigInt(end!));
    // Also from within a gap.
    const late = await open(1);
    expect((await readTo(late, [end!])).values.get(0)).not.toContain('v0');
  });

  /** By kafkajs alone. */
  async function consumeAll(): Promise<string[]> {
    const found: string[] = [];
    const [end] = await ends();
    const consumer = topic.kafka.consumer({
      groupId: `${topic.topic}-plain-${Math.random()}`,
      maxWaitTimeInMs: QUICK_MS,
    });
    let last = -1;
    await consumer.connect();
    await consumer.subscribe({ topics: [topic.topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        for (const { offset, value } of batch.messages) if (Number(offset) < end!) found.push(String(value));
        last = Number(batch.lastOffset());
        return Promise.resolve();
      },
    });
    await waitFor('the end of the log', () => last >= end! - 1);
    await consumer.disconnect();
    return found;
  }

  describe('fails when records are gone', () => {
    it('that lie before the first one that is left', async () => {
      await begin(1);
      await publish(0, named('a', 0, 100));
      await deleteRecords(40);
      expect(values(await readTo(await open(40), [100]))).toEqual({ 0: named('a', 40, 100) });
      await expect(readTo(await open(39), [100])).rejects.toThrow(LogTruncatedError);
    });

    it('that were there when it began', async () => {
      await begin(1);
      await publish(0, named('a', 0, 100));
      const reading = await open(0);
      await readTo(reading, [20]);
      await deleteRecords(50);
      await expect(readTo(reading, [100])).rejects.toThrow('the log of partition 0 no longer has offset 20');
    });

    it('all of them, with nothing behind them', async () => {
      await begin(1);
      await publish(0, named('a', 0, 100));
      const reading = await open(0);
      await readTo(reading, [20]);
      await deleteRecords(100);
      await expect(readTo(reading, [100])).rejects.toThrow(LogTruncatedError);
    });
  });

  it('fails when the log ends before the end that it had', async () => {
    await begin(1);
    await publish(0, named('a', 0, 10));
    await expect(readTo(await open(50), [60])).rejects.toThrow(LogTruncatedError);
    await expect(readTo(await open(0), [11])).rejects.toThrow('no longer has offset 10');
  });

  describe('leaves the group of ingestion alone', () => {
    it('its members and its offsets, and leaves no group of its own', async () => {
      await begin(2);
      await publish(0, named('a', 0, 50));
      await publish(1, named('b', 0, 50));
      const ingestion = topic.kafka.consumer({
        groupId: config.KAFKA_GROUP_ID,
        sessionTimeout: 6000,
        maxWaitTimeInMs: QUICK_MS,
      });
      let taken = 0;
      let joined = 0;
      ingestion.on(ingestion.events.GROUP_JOIN, () => joined++);
      await ingestion.connect();
      await ingestion.subscribe({ topics: [topic.topic], fromBeginning: true });
      await ingestion.run({
        eachBatch: ({ batch }) => {
          taken += batch.messages.length;
          return Promise.resolve();
        },
      });
      const groups = async (): Promise<string[]> =>
        (await cluster.listGroups()).groups
          .map(({ groupId }) => groupId)
          .filter((id) => id.startsWith(topic.topic));
      const state = async (): Promise<unknown> => [
        await cluster.fetchOffsets({ groupId: config.KAFKA_GROUP_ID, topics: [topic.topic] }),
        (await cluster.describeGroups([config.KAFKA_GROUP_ID])).groups,
        joined,
      ];
      const committed = async (): Promise<boolean> => {
        const [found] = await cluster.fetchOffsets({ groupId: config.KAFKA_GROUP_ID, topics: [topic.topic] });
        return found!.partitions.every(({ offset }) => offset === '50');
      };
      try {
        await waitFor('ingestion to have committed', committed);
        const before = await state();
        const reading = await open(0, 0);
        await readTo(reading, [20, 50]);
        expect(await groups()).toEqual([config.KAFKA_GROUP_ID]);
        expect(await state()).toEqual(before);
        expect(taken).toBe(100);
      } finally {
        await ingestion.disconnect();
      }
    });
  });

  describe('ends a reading', () => {
    it('with the reason of its signal, while it waits for records', async () => {
      await begin(1);
      const producer = topic.kafka.producer({
        transactionalId: topic.topic,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      // Until it is committed, what it holds is in the log, and cannot be read.
      const transaction = await producer.transaction();
      await transaction.send({ topic: topic.topic, messages: [{ value: 'a0', partition: 0 }] });
      const reading = await open(0);
      const stopping = new AbortController();
      const read = readTo(reading, [1], stopping.signal);
      stopping.abort(new Error('the service ends'));
      await expect(read).rejects.toThrow('the service ends');
      await expect(readTo(reading, [1], stopping.signal)).rejects.toThrow('the service ends');
      await transaction.commit();
      await producer.disconnect();
    });

    it('with what the taker throws', async () => {
      await begin(1);
      await publish(0, ['a0']);
      const reading = await open(0);
      const take = (): Promise<void> => Promise.reject(new Error('the database is full'));
      await expect(reading.readTo(offsets(1), take, NEVER)).rejects.toThrow('the database is full');
    });

    it('of a topic that was created anew, before a record of the new one is read', async () => {
      await begin(2);
      await publish(0, named('a', 0, 5));
      const reading = await open(0, 0);
      expect(values(await readTo(reading, [5, 0]))).toEqual({ 0: named('a', 0, 5) });
      await topic.recreate(2);
      await publish(0, named('b', 0, 20));
      const found: string[] = [];
      const take = ({ records }: RecordBatch): Promise<void> => {
        for (let record; (record = records.next());) found.push(String(valueOf(record)));
        return Promise.resolve();
      };
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const read = reading.readTo(offsets(10, 0), take, signal);
      await expect(read).rejects.toThrow(LogUnavailableError);
      await expect(read).rejects.toThrow(/the log of partition 0 is not there any more/);
      expect(found).toEqual([]);
      // Whoever begins anew reads the one that there is.
      expect(values(await readTo(await open(0, 0), [3, 0]))).toEqual({ 0: named('b', 0, 3) });
    });

    it('of brokers that go away, as one that may come back', async () => {
      const broker = await KafkaBroker.start({ fastStart: true });
      const away = parseConfig({ KAFKA_BROKERS: broker.bootstrapServers });
      const asked = adminOf(away);
      try {
        await asked.ensureTopic();
        const reading = await new KafkaLogReader(asked, away).open(await positions(asked, 0));
        opened.push(reading);
        const read = expect(readTo(reading, [1], NEVER)).rejects.toThrow(LogUnavailableError);
        await broker.stop();
        await read;
      } finally {
        await broker.stop();
      }
    }, 60_000);

    it('before it begins when no broker is there', async () => {
      const away = parseConfig({ KAFKA_BROKERS: '127.0.0.1:1' });
      const lonely = new KafkaLogReader(adminOf(away), away);
      await expect(lonely.open(new Map())).rejects.toThrow(LogUnavailableError);
      await expect(lonely.offsetsAt(0)).rejects.toThrow();
    });
  });
});
