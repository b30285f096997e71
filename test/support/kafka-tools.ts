import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
