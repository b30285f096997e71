// @ts-check
import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { compress } from './produce.mjs';

/** For idempotent producers and transactions, with every codec. @param {string} brokers */
export function kafkaAt(brokers) {
  for (const [codec, number] of /** @type {const} */ ([
    ['snappy', kafkajs.CompressionTypes.Snappy],
    ['lz4', kafkajs.CompressionTypes.LZ4],
    ['zstd', kafkajs.CompressionTypes.ZSTD],
  ]))
    kafkajs.CompressionCodecs[number] = () => ({
      compress: async (/** @type {{ buffer: Buffer }} */ { buffer }) => compress[codec](buffer),
      decompress: () => Promise.reject(new Error('nothing is read with kafkajs')),
    });
  return new kafkajs.Kafka({
    brokers: [brokers],
    clientId: 'chaos-poison',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 100, retries: 20 },
  });
}

/** @param {import('kafkajs').Kafka} kafka @param {number} [transactionTimeout] */
export async function transactional(kafka, transactionTimeout = 60_000) {
  const options = { transactionalId: `chaos-${randomUUID()}`, idempotent: true, maxInFlightRequests: 1 };
  const producer = kafka.producer({ ...options, transactionTimeout });
  await producer.connect();
  return producer;
}
