import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import type { KafkaMessage } from 'kafkajs';
import { parseConfig } from '../../../src/config/config.js';
import { PublishError, type OutgoingEvent } from '../../../src/transport/event-publisher.js';
import { producerOptions } from '../../../src/transport/kafka/kafka-client.js';
import { KafkaPublisher } from '../../../src/transport/kafka/kafka.publisher.js';
import { createTestTopic, hasKafka, testBrokers, type TestTopic } from '../../support/kafka.js';
import { waitFor } from '../../support/service.js';

const suite = hasKafka ? describe : describe.skip;

suite('KafkaPublisher', () => {
  let topic: TestTopic;
  let publisher: KafkaPublisher;
  /** So many answers of the broker are lost on their way, each with its connection. */
  let answersToLose = 0;

  beforeAll(() => {
    const emit = Reflect.get(Socket.prototype, 'emit') as (...event: unknown[]) => boolean;
    Socket.prototype.emit = function (this: Socket, ...event: unknown[]): boolean {
      const fromBroker = event[0] === 'data' && `127.0.0.1:${this.remotePort ?? 0}` === testBrokers();
      if (!fromBroker || answersToLose <= 0) return Reflect.apply(emit, this, event);
      answersToLose--;
      this.destroy(new Error('the answer is lost'));
      return true;
    };
  });
  afterAll(() => {
    delete (Socket.prototype as Partial<Socket>).emit;
  });
  beforeEach(async () => {
    topic = await createTestTopic(1);
    publisher = publisherTo(topic.topic);
    answersToLose = 0;
  });
  afterEach(async () => {
    await publisher.onApplicationShutdown();
    await topic.close();
  });

  const publisherTo = (name: string): KafkaPublisher =>
    new KafkaPublisher(producerOptions(parseConfig({ KAFKA_BROKERS: testBrokers() })), name);

  const events = (...names: string[]) => names.map((name) => ({ key: null, value: Buffer.from(name) }));

  type Logged = KafkaMessage & { partition: number };

  async function messages(count: number, { topic: name, kafka }: TestTopic = topic): Promise<Logged[]> {
    // Its end waits for the fetch that is on its way, by default for 5 s.
    const consumer = kafka.consumer({ groupId: name, maxWaitTimeInMs: 100 });
    const found: Logged[] = [];
    await consumer.connect();
    await consumer.subscribe({ topics: [name], fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message, partition }) => {
        found.push({ ...message, partition });
        return Promise.resolve();
      },
    });
    await waitFor('the records', () => found.length >= count);
    await consumer.disconnect();
    return found;
  }

  const logged = async (count: number) => (await messages(count)).map(({ value }) => String(value));

  it('what is acknowledged is in the log once, also when an answer was lost on its way', async () => {
    await publisher.publish(events('first'));
    answersToLose = 1;
    await publisher.publish(events('a1', 'a2'));
    expect(answersToLose).toBe(0);
    await publisher.publish(events('b1', 'b2'));
    expect(await logged(5)).toEqual(['first', 'a1', 'a2', 'b1', 'b2']);
  });

  it('what is acknowledged is in the log, also after no answer came at all', async () => {
    await publisher.publish(events('first'));
    answersToLose = Infinity;
    await expect(publisher.publish(events('a1', 'a2'))).rejects.toBeInstanceOf(PublishError);
    answersToLose = 0;
    // As many records as the lost request had: under its sequence number they would be taken for a repeat.
    await publisher.publish(events('b1', 'b2'));
    await publisher.publish(events('c1', 'c2', 'c3'));
    const values = await logged(6);
    expect(values).toEqual(expect.arrayContaining(['first', 'b1', 'b2', 'c1', 'c2', 'c3']));
  });

  it('refuses at once whoever waited while the log was found to be away', async () => {
    await publisher.publish(events('first'));
    answersToLose = Infinity;
    const waiting = Array.from({ length: 20 }, (_, i) => publisher.publish(events(`w${i}`)));
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    answersToLose = 0;
    await publisher.publish(events('last'));
    expect(await logged(2)).toEqual(expect.arrayContaining(['first', 'last']));
  });

  it('says of an event that is too large that it is', async () => {
    await expect(
      publisher.publish([{ key: null, value: randomBytes(2 * 1024 * 1024) }]),
    ).rejects.toMatchObject({ reason: 'too_large' });
    await publisher.publish(events('small'));
    expect(await logged(1)).toEqual(['small']);
  });

  it('takes an event above 1 MiB that is small enough when it is compressed', async () => {
    const text = '{"event_type":"sms"}'.repeat(100_000);
    await publisher.publish(events('before', text, 'after'));
    expect(await logged(3)).toEqual(['before', text, 'after']);
  });

  it('takes more in one call than a request may hold, in order', async () => {
    const names = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(10_000, '.'));
    await publisher.publish(events(...names));
    expect(await logged(500)).toEqual(names);
  });

  it('keeps tombstones, null keys and empty keys', async () => {
    const given: OutgoingEvent[] = [
      { key: 'key', value: null },
      { key: null, value: Buffer.from('value') },
      { key: '', value: Buffer.alloc(0) },
    ];
    await publisher.publish(given);
    expect((await messages(3)).map(({ key, value }) => [key?.toString() ?? null, value])).toEqual(
      given.map(({ key, value }) => [key, value]),
    );
  });

  it('refuses while there is no topic, and goes on once there is', async () => {
    const name = `${topic.topic}-later`;
    const later = publisherTo(name);
    await expect(later.publish(events('a'))).rejects.toMatchObject({ reason: 'unavailable' });
    const admin = topic.kafka.admin();
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: name, numPartitions: 1 }] });
    await admin.disconnect();
    await later.publish(events('b'));
    await later.onApplicationShutdown();
  });

  it('sends to the partition that is given, also one that was just added; refuses one that is not there', async () => {
    const to = (partition: number) => publisher.publish([{ key: 'key', value: null, partition }]);
    await to(0);
    await expect(to(2)).rejects.toMatchObject({ reason: 'unavailable' });
    const admin = topic.kafka.admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic: topic.topic, count: 3 }] });
    await admin.disconnect();
    await to(2);
    expect((await messages(2)).map(({ partition }) => partition).sort()).toEqual([0, 2]);
  });

  it('chooses the partitions that kafkajs chooses', async () => {
    const keys = Array.from({ length: 300 }, (_, i) => (i % 3 ? `+49151${i * 7919}` : `schlüssel-${i}`));
    const wide = await createTestTopic(7);
    const other = publisherTo(wide.topic);
    await wide.producer.send({
      topic: wide.topic,
      messages: keys.map((key) => ({ key, value: 'kafkajs' })),
    });
    await other.publish(keys.map((key) => ({ key, value: Buffer.from('publisher') })));
    const partitions = (by: string, all: Logged[]) =>
      new Map(all.filter(({ value }) => String(value) === by).map((m) => [String(m.key), m.partition]));
    const all = await messages(600, wide);
    expect(partitions('publisher', all)).toEqual(partitions('kafkajs', all));
    expect(partitions('publisher', all).size).toBe(300);
    await other.onApplicationShutdown();
    await wide.close();
  });

  it('is closed afterwards', async () => {
    await publisher.publish(events('a'));
    await publisher.onApplicationShutdown();
    await expect(publisher.publish(events('b'))).rejects.toMatchObject({ reason: 'unavailable' });
  });
});
