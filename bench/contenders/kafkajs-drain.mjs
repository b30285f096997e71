// Reads a topic with kafkajs and does nothing with it: what the client alone can do.
import kafkajs from 'kafkajs';
import './codecs.mjs';
import { counted, started } from './progress.mjs';

const [brokers, topic, groupId, maxBytes] = process.argv.slice(2);

const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.ERROR });
const consumer = kafka.consumer({ groupId, maxBytes: Number(maxBytes) });
// Before the first fetch: the service's clock starts with its partitions too.
consumer.on(consumer.events.GROUP_JOIN, started);
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatch: ({ batch }) => {
    counted(batch.messages.length);
    return Promise.resolve();
  },
});
