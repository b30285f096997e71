import { createHash } from 'node:crypto';
import { LogReader } from '../../../chaos/log.mjs';
import type { LogOracle, LogRecord } from '../../../chaos/oracle.mjs';
import { openTransaction, poisonTopicConfig, publishPoison } from '../../../chaos/poison.mjs';
import { createTestTopic, hasKafka, type TestTopic } from '../../support/kafka.js';
import { consoleConsume, NULL_LITERAL } from '../../support/kafka-tools.js';

const PARTITIONS = 3;

/** Where and when a record is, and what it holds. */
const described = (offset: number | string, timestamp: number | string, value: Buffer | null): string =>
  `${offset} ${Number(timestamp)} ${value ? createHash('md5').update(value).digest('hex') : 'tombstone'}`;

/** Takes all records down, in place of an oracle. */
function listener(): { oracle: LogOracle; records: Map<number, string[]> } {
  const records = new Map<number, string[]>();
  const take = (partition: number, { offset, timestamp, value }: LogRecord): void => {
    records.set(partition, [...(records.get(partition) ?? []), described(offset, timestamp, value)]);
  };
  return { oracle: { take } as unknown as LogOracle, records };
}

/** What the Java client reads of a topic, which is Kafka's own; it has to be so many records. */
async function readByJava(topic: TestTopic, count: number): Promise<Map<number, string[]>> {
  const records = new Map<number, string[]>();
  for (const line of await consoleConsume(topic, count)) {
    // CreateTime:1795405130895	Partition:0	Offset:12	value
    const [, timestamp = '', partition = '', offset = '', value = ''] =
      /^(?:\w+:(-?\d+)|NO_TIMESTAMP)\tPartition:(\d+)\tOffset:(\d+)\t(.*)$/.exec(line) ?? [];
    const bytes = value === NULL_LITERAL ? null : unescaped(value);
    const described_ = described(offset, timestamp || '-1', bytes);
    records.set(Number(partition), [...(records.get(Number(partition)) ?? []), described_]);
  }
  return records;
}

/** As Kafka's Bytes prints what is not ASCII. */
const unescaped = (text: string): Buffer =>
  Buffer.from(
    text.replace(/\\x([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );

(hasKafka ? describe : describe.skip)("the oracle's reader", () => {
  it('reads what the Java client reads: each codec, transactions, and odd times', async () => {
    const topic = await createTestTopic(PARTITIONS, { configEntries: poisonTopicConfig });
    const target = { brokers: topic.brokers, topic: topic.topic, partitions: PARTITIONS };
    const { records: count } = await publishPoison(target);
    const { oracle, records } = listener();
    const reader = new LogReader({ brokers: topic.brokers, topic: topic.topic, oracle });
    const ends = await reader.readOn();
    const bounds = await reader.bounds();
    expect(ends).toEqual(new Map([...bounds].map(([partition, { high }]) => [partition, high])));
    expect([...records.values()].flat()).toHaveLength(count);
    expect(await readByJava(topic, count)).toEqual(records);
    // Control records, and transactions that came to nothing.
    const consumed = [...reader.progress.values()].reduce((sum, progress) => sum + progress.consumed, 0);
    expect(consumed).toBeGreaterThan(count);
    reader.close();
    await topic.close();
  });

  it('goes on where it stopped, and stops where a transaction is open', async () => {
    const topic = await createTestTopic(1, { configEntries: poisonTopicConfig });
    const { oracle, records } = listener();
    const reader = new LogReader({ brokers: topic.brokers, topic: topic.topic, oracle });
    await topic.publish([Buffer.from('one'), Buffer.from('two')]);
    expect(await reader.readOn(new Map([[0, 1]]))).toEqual(new Map([[0, 1]]));
    expect(records.get(0)).toHaveLength(1);
    const open = await openTransaction({ brokers: topic.brokers, topic: topic.topic, partitions: 1 });
    await topic.publish([Buffer.from('behind it')]);
    expect(await reader.readOn()).toEqual(new Map([[0, 2]]));
    expect(await reader.bounds()).toEqual(new Map([[0, { low: 0, stable: 2, high: 3 + open.records }]]));
    await open.commit();
    const end = 4 + open.records;
    expect(await reader.readOn()).toEqual(new Map([[0, end]]));
    expect(records.get(0)).toHaveLength(3 + open.records);
    expect(reader.progress.get(0)).toEqual({ nextOffset: end, consumed: end });
    reader.close();
    await topic.close();
  });
});
