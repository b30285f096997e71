import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { Fetching } from '../../support/fetching.js';
import { createTestTopic, hasKafka, type TestTopic } from '../../support/kafka.js';
import { waitFor } from '../../support/service.js';

const suite = hasKafka ? describe : describe.skip;

suite('RecordFetcher', () => {
  let topic: TestTopic;
  let admin: Admin;
  let fetching: Fetching;

  async function begin(
    partitions: number,
    options?: ConstructorParameters<typeof Fetching>[1],
  ): Promise<void> {
    topic = await createTestTopic(partitions);
    admin = topic.kafka.admin();
    await admin.connect();
    fetching = new Fetching(topic, options);
    await fetching.findLog();
  }
  afterEach(async () => {
    await fetching.stop();
    await admin.disconnect();
    await topic.close();
  });

  const named = (partition: number, from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `${partition}-${from + i}`);
  /** Batches of 10 records. */
  async function publish(partition: number, from: number, to: number, padding = 0): Promise<void> {
    for (let at = from; at < to; at += 10)
      await topic.publish(
        named(partition, at, Math.min(at + 10, to)).map((name) => Buffer.from(name.padEnd(padding))),
        () => partition,
      );
  }
  const has = (partition: number, count: number): Promise<unknown> =>
    waitFor(`${count} records of partition ${partition}`, () => fetching.values(partition).length >= count);
  const numbers = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i);

  describe('hands over', () => {
    it('all records once, in the order of each partition, those that are there and those that come', async () => {
      await begin(3, { maxBytes: 2_000 });
      const partitions = [0, 1, 2];
      await Promise.all(partitions.map((partition) => publish(partition, 0, 300)));
      fetching.read(...partitions);
      const more = Promise.all(partitions.map((partition) => publish(partition, 300, 400)));
      for (const partition of partitions) await has(partition, 400);
      await more;
      for (const partition of partitions) {
        expect(fetching.values(partition)).toEqual(named(partition, 0, 400));
        const steps = fetching.stepsOf(partition);
        expect(steps.map(([from]) => from)).toEqual([0n, ...steps.map(([, next]) => next)].slice(0, -1));
      }
      expect(fetching.failures).toEqual([]);
    });

    it('what is committed alone, wherever in the log of two producers it begins', async () => {
      await begin(1, { maxWaitMs: 10 });
      const visible: string[] = [];
      const producers = await Promise.all(
        ['a', 'b'].map(async (name) => {
          const transactionalId = `${topic.topic}-${name}`;
          const producer = topic.kafka.producer({
            transactionalId,
            idempotent: true,
            maxInFlightRequests: 1,
          });
          await producer.connect();
          return producer;
        }),
      );
      for (let round = 0; round < 4; round++) {
        const open = await Promise.all(producers.map((producer) => producer.transaction()));
        for (const part of [0, 1])
          for (const [i, transaction] of open.entries()) {
            const values = [0, 1, 2].map((n) => `${round}/${part}/${i}/${n}`);
            const messages = values.map((value) => ({ value, partition: 0 }));
            await transaction.send({ topic: topic.topic, messages });
            // Each of the four outcomes of the two.
            if ((round & (1 << i)) === 0) visible.push(...values);
          }
        const plain = `${round}/plain`;
        await topic.publish([Buffer.from(plain)]);
        visible.push(plain);
        for (const [i, transaction] of open.entries())
          await ((round & (1 << i)) === 0 ? transaction.commit() : transaction.abort());
      }
      // 12 records of transactions, one without, two ends, in each round.
      const end = 4 * 15;
      fetching.read(0);
      const atEnd = (): boolean => fetching.stepsOf(0).at(-1)?.[1] === BigInt(end);
      await waitFor('all of it', atEnd);
      expect(fetching.values(0)).toEqual(visible);
      const all = fetching.offsets(0);
      for (let from = 1; from < end; from++) {
        fetching.forget();
        fetching.seek(0, BigInt(from));
        await waitFor(`all from ${from}`, atEnd);
        expect(fetching.offsets(0)).toEqual(all.filter((offset) => offset >= from));
        expect(fetching.stepsOf(0)[0]![0]).toBe(BigInt(from));
      }
      await Promise.all(producers.map((producer) => producer.disconnect()));
      expect(fetching.failures).toEqual([]);
    });

    it('the records of partitions that are added, once they are there', async () => {
      await begin(1);
      fetching.read(0, 1, 2);
      await publish(0, 0, 10);
      await has(0, 10);
      await admin.createPartitions({ topicPartitions: [{ topic: topic.topic, count: 3 }] });
      const producer = topic.kafka.producer();
      await producer.connect();
      for (const partition of [1, 2])
        await producer.send({ topic: topic.topic, messages: [{ partition, value: `${partition}-0` }] });
      await producer.disconnect();
      await Promise.all([has(1, 1), has(2, 1)]);
      expect(fetching.count()).toBe(12);
    });
  });

  describe('goes to where it is sought', () => {
    it('backwards and forwards, while records are being taken in and while others are on their way', async () => {
      await begin(2, { maxBytes: 1_500, maxWaitMs: 20 });
      await Promise.all([0, 1].map((partition) => publish(partition, 0, 500)));
      const nextOffsets = [0, 0];
      const wrong: string[] = [];
      let seeks = 0;
      const seek = (): void => {
        const partition = seeks++ % 2;
        const offset = (seeks * 7919) % 500;
        nextOffsets[partition] = offset;
        fetching.seek(partition, BigInt(offset));
      };
      fetching.before = async ({ partition, fetchedOffset, nextOffset }) => {
        if (fetchedOffset !== BigInt(nextOffsets[partition]!))
          wrong.push(`${partition}: ${fetchedOffset} in place of ${nextOffsets[partition]}`);
        nextOffsets[partition] = Number(nextOffset);
        // In the middle of it; of the same partition, or of the other one.
        if (seeks < 100 && fetchedOffset % 3n === 0n) seek();
        await new Promise(setImmediate);
      };
      fetching.read(0, 1);
      await waitFor('the ends', () => {
        const atEnd = nextOffsets.every((next) => next === 500);
        if (atEnd && seeks < 100) seek();
        return atEnd && seeks >= 100;
      });
      expect(wrong).toEqual([]);
      expect(fetching.failures).toEqual([]);
      fetching.forget();
      fetching.seek(0, 123n);
      nextOffsets[0] = 123;
      await has(0, 377);
      expect(fetching.offsets(0)).toEqual(numbers(123, 500));
    });

    it('while the broker waits for records', async () => {
      await begin(1, { maxWaitMs: 300 });
      await publish(0, 0, 20);
      fetching.read(0);
      await has(0, 20);
      fetching.forget();
      fetching.seek(0, 5n);
      await has(0, 15);
      await publish(0, 20, 30);
      await has(0, 25);
      // To the very place where it waits: what comes belongs to the fetch before the seek, or to the one behind it.
      fetching.seek(0, 30n);
      await publish(0, 30, 40);
      await has(0, 35);
      fetching.fetcher.pause(0);
      fetching.fetcher.resume(0);
      await publish(0, 40, 50);
      await has(0, 45);
      expect(fetching.offsets(0)).toEqual(numbers(5, 50));
    });

    it('nothing is handed over before it is sought', async () => {
      await begin(2);
      await publish(0, 0, 10);
      await publish(1, 0, 10);
      fetching.fetcher.assign([0, 1]);
      fetching.seek(1, 3n);
      await has(1, 7);
      expect(fetching.values(0)).toEqual([]);
      fetching.seek(0, 9n);
      await has(0, 1);
      expect(fetching.count()).toBe(8);
    });

    it('no further than the end that it was told', async () => {
      await begin(2);
      await publish(0, 0, 50);
      await publish(1, 0, 50);
      fetching.fetcher.assign([0, 1]);
      fetching.fetcher.stopAt(0, 25n);
      fetching.seek(0, 12n);
      fetching.seek(1, 0n);
      await Promise.all([has(0, 13), has(1, 50)]);
      expect(fetching.offsets(0)).toEqual(numbers(12, 25));
      fetching.fetcher.stopAt(0, 31n);
      await has(0, 19);
      expect(fetching.offsets(0)).toEqual(numbers(12, 31));
    });
  });

  describe('a partition that is paused', () => {
    it('is not handed over, and loses and doubles nothing after it', async () => {
      await begin(2, { maxBytes: 1_500 });
      await Promise.all([0, 1].map((partition) => publish(partition, 0, 300)));
      let paused = false;
      const wrong: number[] = [];
      fetching.before = async ({ partition, fetchedOffset }) => {
        if (paused && partition === 0) wrong.push(Number(fetchedOffset));
        await new Promise(setImmediate);
      };
      fetching.read(0, 1);
      for (let round = 0; round < 10; round++) {
        await waitFor('some more', () => fetching.values(0).length >= round * 20);
        fetching.fetcher.pause(0);
        paused = true;
        const before = fetching.values(0).length;
        // The other one goes on.
        await publish(1, 300 + round * 10, 310 + round * 10);
        await has(1, 310 + round * 10);
        expect(fetching.values(0)).toHaveLength(before);
        paused = false;
        fetching.fetcher.resume(0);
      }
      await has(0, 300);
      expect(wrong).toEqual([]);
      expect(fetching.values(0)).toEqual(named(0, 0, 300));
      expect(fetching.values(1)).toEqual(named(1, 0, 400));
    });

    it('by whoever takes it in: it comes again, from the same offset', async () => {
      await begin(1);
      await publish(0, 0, 30);
      let refusals = 0;
      fetching.before = ({ fetchedOffset }) => {
        expect(fetchedOffset).toBe(0n);
        if (refusals++ < 3) fetching.fetcher.pause(0);
      };
      fetching.read(0);
      for (let refusal = 1; refusal <= 3; refusal++) {
        await waitFor('the refusal', () => refusals === refusal);
        fetching.fetcher.resume(0);
      }
      await has(0, 30);
      expect(fetching.values(0)).toEqual(named(0, 0, 30));
      expect(fetching.failures).toEqual([]);
    });

    it('by who repeats it: the same records come again', async () => {
      await begin(1);
      await publish(0, 0, 30);
      let repeats = 0;
      fetching.before = () => {
        if (repeats++ < 2) fetching.fetcher.repeat(0);
      };
      fetching.read(0);
      await has(0, 30);
      expect(fetching.values(0)).toEqual(named(0, 0, 30));
    });
  });

  it('what was assigned before is given up, also in the middle of being taken in', async () => {
    await begin(2, { maxBytes: 1_500 });
    await Promise.all([0, 1].map((partition) => publish(partition, 0, 200)));
    const signals = new EventEmitter();
    let batches = 0;
    fetching.before = async () => {
      if (++batches !== 2) return;
      signals.emit('taking');
      await once(signals, 'go on');
    };
    const taking = once(signals, 'taking');
    fetching.read(0);
    await taking;
    const before = fetching.values(0).length;
    fetching.read(1);
    signals.emit('go on');
    await has(1, 200);
    expect(fetching.values(0)).toHaveLength(before);
    fetching.forget();
    fetching.read(0, 1);
    await Promise.all([has(0, 200), has(1, 200)]);
    for (const partition of [0, 1]) expect(fetching.values(partition)).toEqual(named(partition, 0, 200));
    expect(fetching.failures).toEqual([]);
  });

  describe('an offset that the log does not have', () => {
    it('behind its end is told, others go on, and so does this one once it is sought', async () => {
      await begin(2);
      await publish(0, 0, 20);
      fetching.fetcher.assign([0, 1]);
      fetching.seek(0, 21n);
      fetching.seek(1, 0n);
      await waitFor('it to be told', () => fetching.outOfRanges.length > 0);
      await publish(1, 0, 10);
      await has(1, 10);
      // It is told again: whoever looks after the partition may have missed it.
      await waitFor('it to be told again', () => fetching.outOfRanges.length > 1);
      expect(new Set(fetching.outOfRanges.map(String))).toEqual(new Set(['0,21']));
      expect(fetching.values(0)).toEqual([]);
      fetching.seek(0, 15n);
      await has(0, 5);
      expect(fetching.offsets(0)).toEqual(numbers(15, 20));
    });

    it('since its records were deleted, before and in the middle of the reading', async () => {
      await begin(1, { maxBytes: 1_000 });
      await publish(0, 0, 300);
      const deleteBefore = async (offset: number): Promise<void> => {
        await admin.fetchTopicOffsets(topic.topic); // kafkajs has to know the topic's leaders first
        const partitions = [{ partition: 0, offset: String(offset) }];
        await admin.deleteTopicRecords({ topic: topic.topic, partitions });
      };
      await deleteBefore(15);
      fetching.before = async ({ fetchedOffset }) => {
        if (fetchedOffset === 15n) await deleteBefore(255);
      };
      fetching.read(0);
      await waitFor('it to be told', () => fetching.outOfRanges.length > 0);
      expect(fetching.outOfRanges[0]).toEqual([0, 0n]);
      // From the middle of a batch.
      fetching.seek(0, 15n);
      await waitFor('it to be told again', () => fetching.outOfRanges.at(-1)![1] !== 0n);
      const at = fetching.outOfRanges.at(-1)![1];
      expect(fetching.offsets(0)).toEqual(numbers(15, Number(at)));
      fetching.seek(0, 255n);
      await waitFor('the end', () => fetching.offsets(0).at(-1) === 299);
      expect(fetching.offsets(0)).toEqual([...numbers(15, Number(at)), ...numbers(255, 300)]);
    });
  });

  describe('a topic that is deleted and created anew', () => {
    /** Records that the log before did not have. */
    const publishOthers = (partition: number, count: number): Promise<void> =>
      topic.publish(
        numbers(0, count).map((i) => Buffer.from(`other-${partition}-${i}`)),
        () => partition,
      );
    const told = (partition: number): Promise<unknown> =>
      waitFor('it to be told', () => fetching.otherLogs.some(([each]) => each === partition));

    it('while the broker waits for records: those of the other log are not handed over, also when it is longer', async () => {
      await begin(2, { maxWaitMs: 2_000 });
      await Promise.all([publish(0, 0, 20), publish(1, 0, 20)]);
      fetching.read(0, 1);
      await Promise.all([has(0, 20), has(1, 20)]);
      await topic.recreate(2);
      await Promise.all([publishOthers(0, 50), publishOthers(1, 50)]);
      await Promise.all([told(0), told(1)]);
      // It is told again: whoever looks after the partition may have missed it.
      const before = fetching.otherLogs.length;
      await waitFor('it to be told again', () => fetching.otherLogs.length >= before + 4);
      expect(fetching.count()).toBe(40);
      expect(new Set(fetching.otherLogs.map(([, logId]) => logId))).toEqual(new Set([fetching.logId]));

      // One goes to the log that there is now; the other one stays with its own, in the same requests.
      await fetching.findLog();
      fetching.forget();
      fetching.seek(0, 15n);
      await has(0, 35);
      expect(fetching.values(0)).toEqual(numbers(15, 50).map((i) => `other-0-${i}`));
      expect(fetching.values(1)).toEqual([]);
    });

    it('while records are being taken in: what was fetched is handed over, and nothing behind it', async () => {
      await begin(1, { maxBytes: 500 });
      await publish(0, 0, 200);
      let recreated = false;
      fetching.before = async () => {
        if (recreated) return;
        recreated = true;
        await topic.recreate(1);
        await publishOthers(0, 400);
      };
      fetching.read(0);
      await told(0);
      const values = fetching.values(0);
      expect(values.length).toBeLessThan(200);
      expect(values).toEqual(named(0, 0, values.length));
    });

    it('and is not there in between: it is told, and others are read when they are sought', async () => {
      await begin(1);
      await publish(0, 0, 10);
      fetching.read(0);
      await has(0, 10);
      await admin.deleteTopics({ topics: [topic.topic] });
      await told(0);
      await waitFor('the failure to find it', () =>
        fetching.failures.includes(`the topic ${topic.topic} does not exist`),
      );
      const before = fetching.failures.length;
      await delay(2_000);
      // Asked for twice a second, for its leaders as well.
      expect(fetching.failures.length - before).toBeLessThan(12);
      await admin.createTopics({ topics: [{ topic: topic.topic, numPartitions: 1 }], waitForLeaders: true });
      const producer = topic.kafka.producer();
      await producer.connect();
      await producer.send({ topic: topic.topic, messages: [{ value: 'other' }] });
      await producer.disconnect();
      await fetching.findLog();
      fetching.seek(0, 0n);
      await has(0, 11);
      expect(fetching.values(0).at(-1)).toBe('other');
    });
  });

  describe('every partition makes progress', () => {
    it('those with little data beside one with much', async () => {
      await begin(4, { maxBytes: 25_000 });
      await publish(0, 0, 500, 1_000);
      let published: Promise<unknown> | undefined;
      let before = 0;
      fetching.before = async ({ partition }) => {
        await (published ??= Promise.all([1, 2, 3].map((each) => publish(each, 0, 10))));
        if (partition !== 0) before = fetching.values(0).length;
      };
      fetching.read(0, 1, 2, 3);
      for (const partition of [1, 2, 3]) await has(partition, 10);
      // What came before them was on its way already: two answers, of two batches of 10 records each.
      expect(before).toBeLessThanOrEqual(60);
      await has(0, 500);
      expect(fetching.offsets(0)).toEqual(numbers(0, 500));
    });

    it('when an answer holds but a few of them', async () => {
      const partitions = numbers(0, 12);
      await begin(partitions.length, { maxBytes: 25_000 });
      await Promise.all(partitions.map((partition) => publish(partition, 0, 60, 1_000)));
      const order: number[] = [];
      fetching.before = ({ partition }) => {
        order.push(partition);
      };
      fetching.read(...partitions);
      for (const partition of partitions) await has(partition, 60);
      for (const partition of partitions) expect(fetching.offsets(partition)).toEqual(numbers(0, 60));
      // Between two turns of one, each other one has two at the most.
      for (const partition of partitions) {
        const turns = order.flatMap((each, i) => (each === partition ? [i] : []));
        for (const [i, turn] of turns.entries())
          expect(turn - (turns[i - 1] ?? -1)).toBeLessThanOrEqual(2 * partitions.length);
      }
    });
  });
});
