import { Reader, Writer, type Connection } from '@platformatic/kafka';
import { fetchRecords, FetchRefusedError, type FetchedPartition } from './fetch-api.js';

const LOGS = ['01234567-89ab-cdef-0123-456789abcdef', 'fedcba98-7654-3210-fedc-ba9876543210'];

/** What a broker is asked, and its answer. */
async function exchange(answer: Writer): Promise<{ asked: Reader; fetched: FetchedPartition[] }> {
  let asked!: Reader;
  const connection = {
    send(
      ...[key, version, write, read, , , done]: [
        number,
        number,
        () => Writer,
        (correlation: number, key: number, version: number, reader: Reader) => unknown,
        boolean,
        boolean,
        (error: Error | null, result?: unknown) => void,
      ]
    ) {
      expect([key, version]).toEqual([1, 13]);
      asked = Reader.from(write().buffer);
      try {
        done(null, read(0, key, version, Reader.from(answer.buffer)));
      } catch (error) {
        done(error as Error);
      }
    },
  };
  const fetched = await fetchRecords(connection as unknown as Connection, {
    partitions: [
      { partition: 0, offset: 5n, logId: LOGS[0]! },
      { partition: 1, offset: 6n, logId: LOGS[1]! },
      { partition: 2, offset: 7n, logId: LOGS[0]! },
    ],
    ...{ maxWaitMs: 100, maxBytes: 1000, maxPartitionBytes: 500 },
  });
  return { asked, fetched };
}

const answerOf = (errorCode: number): Writer =>
  Writer.create().appendInt32(0).appendInt16(errorCode).appendInt32(0);
/** Two fields of a later version: numbers 1 and 200, of 3 and of 0 bytes. */
const TAGGED = Buffer.from([2, 1, 3, 7, 7, 7, 0xc8, 1, 0]);

describe('a fetch', () => {
  it('names logs by their ids, each once', async () => {
    const { asked } = await exchange(answerOf(0).appendArray([], () => undefined));
    asked.skip(4 + 4 + 4 + 4 + 1 + 4 + 4);
    const topics = asked.readArray((topic) => ({
      logId: topic.readUUID(),
      partitions: topic.readArray((from) => {
        const partition = from.readInt32();
        from.skip(4);
        const offset = from.readInt64();
        from.skip(4 + 8);
        return [partition, offset, from.readInt32()];
      }),
    }));
    expect(topics).toEqual([
      {
        logId: LOGS[0],
        partitions: [
          [0, 5n, 500],
          [2, 7n, 500],
        ],
      },
      { logId: LOGS[1], partitions: [[1, 6n, 500]] },
    ]);
    expect(asked.readArray(() => null)).toEqual([]); // forgotten topics
    expect(asked.readString()).toBe('');
    asked.readTaggedFields();
    expect(asked.remaining).toBe(0);
  });

  it('is answered with bytes as they are stored, whatever fields come with them', async () => {
    const records = Buffer.from('stored batches');
    const partitions = [
      [0, 0, [[7n, 3n]], records],
      [2, 100, null, null],
    ] as const;
    const answer = answerOf(0).appendArray(
      [LOGS[0], LOGS[1]],
      (topic, logId) => {
        topic.appendUUID(logId).appendArray(
          logId === LOGS[0] ? [...partitions] : [],
          (part, [partition, errorCode, aborted, bytes]) => {
            part.appendInt32(partition).appendInt16(errorCode);
            part.appendInt64(12n).appendInt64(11n).appendInt64(2n);
            part.appendArray(
              aborted && [...aborted],
              (transaction, [producerId, firstOffset]) =>
                transaction.appendInt64(producerId).appendInt64(firstOffset).append(TAGGED),
              true,
              false,
            );
            part.appendInt32(-1).appendBytes(bytes).append(TAGGED);
          },
          true,
          false,
        );
        topic.append(TAGGED);
      },
      true,
      false,
    );
    const { fetched } = await exchange(answer);
    const bounds = { low: 2n, high: 11n };
    const aborted = [{ producerId: 7n, firstOffset: 3 }];
    expect(fetched).toEqual([
      { partition: 0, errorCode: 0, ...bounds, aborted, bytes: records },
      { partition: 2, errorCode: 100, ...bounds, aborted: [], bytes: Buffer.alloc(0) },
    ]);
  });

  it('fails when the broker refuses all of it', async () => {
    await expect(exchange(answerOf(70))).rejects.toThrow('the broker refuses to be read from: error 70');
  });

  it.each([
    ['the topic was deleted', 100, true],
    ['it is another one', 103, true],
    ['it is led by another broker', 6, true],
    ['there is no such offset', 1, false],
  ])('that is refused since %s', (_, errorCode, passes) => {
    expect(new FetchRefusedError(3, errorCode).passes).toBe(passes);
  });
});
