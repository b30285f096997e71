import { connect } from 'node:net';
import kafkajs, { type Kafka } from 'kafkajs';
import { PublishError } from '../../../src/transport/event-publisher.js';
import { KafkaPublisher } from '../../../src/transport/kafka/kafka.publisher.js';
import { createTestTopic, hasKafka, type TestTopic } from '../../support/kafka.js';
import { waitFor } from '../../support/service.js';

const suite = hasKafka ? describe : describe.skip;

suite('KafkaPublisher', () => {
  let topic: TestTopic;
  let publisher: KafkaPublisher;
  /** While true, every answer of the broker is lost on its way, and the connection with it. */
  let answersAreLost = false;

  beforeEach(async () => {
    topic = await createTestTopic(1);
    publisher = new KafkaPublisher(lossyKafka(topic.brokers), topic.topic);
    answersAreLost = false;
  });
  afterEach(async () => {
    await publisher.onApplicationShutdown();
    await topic.close();
  });

  function lossyKafka(brokers: string): Kafka {
    return new kafkajs.Kafka({
      brokers: [brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 2, initialRetryTime: 50 },
      socketFactory: ({ host, port, onConnect }) => {
        const socket = connect(port, host, onConnect);
        const emit = socket.emit.bind(socket);
        socket.emit = (event: string | symbol, ...args: unknown[]) => {
          if (event !== 'data' || !answersAreLost) return emit(event, ...args);
          socket.destroy(new Error('the answer is lost'));
          return true;
        };
        return socket;
      },
    });
  }

  const events = (...names: string[]) => names.map((name) => ({ key: null, value: Buffer.from(name) }));

  async function logged(count: number): Promise<string[]> {
    const consumer = topic.kafka.consumer({ groupId: topic.topic });
    const values: string[] = [];
    await consumer.connect();
    await consumer.subscribe({ topics: [topic.topic], fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        values.push(String(message.value));
        return Promise.resolve();
      },
    });
    await waitFor('the records', () => values.length >= count);
    await consumer.disconnect();
    return values;
  }

  it('what is acknowledged is in the log, also after an answer was lost', async () => {
    await publisher.publish(events('first'));
    answersAreLost = true;
    await expect(publisher.publish(events('a1', 'a2'))).rejects.toBeInstanceOf(PublishError);
    answersAreLost = false;
    // As many records as the lost request had: under its sequence number they would be taken for a repeat.
    await publisher.publish(events('b1', 'b2'));
    await publisher.publish(events('c1', 'c2', 'c3'));
    const values = await logged(6);
    expect(values).toEqual(expect.arrayContaining(['first', 'b1', 'b2', 'c1', 'c2', 'c3']));
  });

  it('refuses at once whoever waited while the log was found to be away', async () => {
    await publisher.publish(events('first'));
    answersAreLost = true;
    const waiting = Array.from({ length: 20 }, (_, i) => publisher.publish(events(`w${i}`)));
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    answersAreLost = false;
    await publisher.publish(events('last'));
    expect(await logged(2)).toEqual(expect.arrayContaining(['first', 'last']));
  });

  it('says of an event that is too large that it is', async () => {
    await expect(
      publisher.publish([{ key: null, value: Buffer.alloc(2 * 1024 * 1024) }]),
    ).rejects.toMatchObject({ reason: 'too_large' });
    await publisher.publish(events('small'));
    expect(await logged(1)).toEqual(['small']);
  });
});
