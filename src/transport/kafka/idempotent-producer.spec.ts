import { EventEmitter } from 'node:events';
import { MultipleErrors, NetworkError, ProtocolError } from '@platformatic/kafka';
import type { ProduceRecord } from '../core/produce-requests.js';
import { IdempotentProducer, type LibraryProducer } from './idempotent-producer.js';

/** Two brokers: the even partitions are led by the one, the odd by the other. */
function fakeCluster(answers: ((partitions: number[]) => void)[]) {
  const sent: number[][] = [];
  const forced: boolean[] = [];
  const partitions = [0, 1, 2, 3].map((partition) => ({ leader: partition % 2 }));
  const library = {
    producerId: 1n,
    connections: Object.assign(new EventEmitter(), { [Symbol.iterator]: () => [].values() }),
    metadata: ({ forceUpdate }: { forceUpdate: boolean }) => {
      forced.push(forceUpdate);
      const topics = new Map([['topic', { partitions, partitionsCount: 4 }]]);
      return Promise.resolve({ topics, brokers: new Map([0, 1].map((id) => [id, {}])) });
    },
    send: ({ messages }: { messages: ProduceRecord[] }) => {
      sent.push(messages.map(({ partition }) => partition));
      return Promise.resolve(messages.map(({ partition }) => partition)).then(answers.shift());
    },
  };
  return { producer: new IdempotentProducer(library as unknown as LibraryProducer), sent, forced };
}

const request = (...partitions: number[]) => ({
  records: partitions.map((partition) => ({ topic: 'topic', partition, key: null, value: null })),
  compress: false,
});

/** What the library throws when some brokers refuse; the partitions of all others are stored. */
const refusal = (error: Error, ...stored: number[]) =>
  Object.assign(new MultipleErrors('Producing messages failed.', [error]), {
    produced: { offsets: stored.map((partition) => ({ topic: 'topic', partition, offset: 7n })) },
  });

describe('IdempotentProducer', () => {
  it('sends again, with fresh metadata, all of the partitions that are not stored, and only those', async () => {
    const { producer, sent, forced } = fakeCluster([
      () => {
        throw refusal(new ProtocolError('NOT_LEADER_OR_FOLLOWER'), 0, 2);
      },
      () => undefined,
    ]);
    await producer.send('topic', request(0, 1, 2, 3, 1));
    expect(sent).toEqual([
      [0, 1, 2, 3, 1],
      [1, 3, 1],
    ]);
    expect(forced).toEqual([false, true]);
  });

  it.each([
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'UNKNOWN_PRODUCER_ID',
    'MESSAGE_TOO_LARGE',
    'INVALID_PRODUCER_EPOCH',
  ])('does not try again after %s', async (id) => {
    const refused = refusal(new ProtocolError(id));
    const { producer, sent } = fakeCluster([
      () => {
        throw refused;
      },
    ]);
    await expect(producer.send('topic', request(0))).rejects.toBe(refused);
    expect(sent).toHaveLength(1);
  });

  it('gives up when it does not pass', async () => {
    const away = () => {
      throw refusal(new NetworkError('Connection closed'));
    };
    const { producer, sent } = fakeCluster(Array.from({ length: 9 }, () => away));
    await expect(producer.send('topic', request(0))).rejects.toThrow('Producing messages failed.');
    expect(sent).toHaveLength(5);
  });
});
