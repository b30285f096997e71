import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { ensureKafkaArtifacts, findKafkaTools } from '../../scripts/kafka/artifacts.mjs';
import type { TestTopic } from './kafka.js';

/** Publishes records with Kafka's own console producer: batches as the Java client compresses them. */
export async function consoleProduce(
  topic: TestTopic,
  codec: string,
  records: readonly Buffer[],
): Promise<void> {
  const { java } = findKafkaTools();
  if (!java) throw new Error('Java is missing');
  const classpath = await ensureKafkaArtifacts();
  const producer = spawn(
    java,
    [
      ...['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', classpath, 'org.apache.kafka.tools.ConsoleProducer'],
      ...['--bootstrap-server', topic.brokers, '--topic', topic.topic, '--compression-codec', codec],
    ],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  );
  let errors = '';
  producer.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  producer.stdin.end(Buffer.concat(records.flatMap((record) => [record, Buffer.from('\n')])));
  const [code] = (await once(producer, 'exit')) as [number];
  if (code !== 0) throw new Error(`The console producer ended with code ${code}: ${errors}`);
}

/** What it prints for a tombstone; records are not to say the same. */
export const NULL_LITERAL = 'a tombstone';

/** What Kafka's own console consumer prints of so many committed records: time, partition, offset, and the value's bytes. */
export async function consoleConsume(topic: TestTopic, count: number): Promise<string[]> {
  const { java } = findKafkaTools();
  if (!java) throw new Error('Java is missing');
  const classpath = await ensureKafkaArtifacts();
  const properties = {
    'print.timestamp': true,
    'print.partition': true,
    'print.offset': true,
    'null.literal': NULL_LITERAL,
  };
  const bytes = 'org.apache.kafka.common.serialization.BytesDeserializer';
  const { stdout } = await promisify(execFile)(
    java,
    [
      ...[
        '-Xmx512m',
        '-XX:TieredStopAtLevel=1',
        '-cp',
        classpath,
        'org.apache.kafka.tools.consumer.ConsoleConsumer',
      ],
      ...['--bootstrap-server', topic.brokers, '--topic', topic.topic, '--from-beginning'],
      ...['--isolation-level', 'read_committed', '--max-messages', String(count), '--timeout-ms', '60000'],
      ...['--value-deserializer', bytes, '--consumer-property', 'fetch.max.bytes=67108864'],
      ...Object.entries(properties).flatMap(([name, value]) => ['--property', `${name}=${value}`]),
    ],
    { maxBuffer: 256 * 1024 * 1024, encoding: 'latin1' },
  );
  return stdout.split('\n').slice(0, -1);
}
