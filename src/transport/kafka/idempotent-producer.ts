import { setTimeout as delay } from 'node:timers/promises';
import {
  TimeoutError,
  UserError,
  type ClusterTopicMetadata,
  type ProduceResult,
  type Producer,
} from '@platformatic/kafka';
import type { ProduceRequest } from '../core/produce-requests.js';
import { cutConnections, guardConnections, isOfLibrary } from './library-connections.js';

/** What of the library's producer is used. */
export type LibraryProducer = Pick<
  Producer<Buffer | null, Buffer | null>,
  'producerId' | 'initIdempotentProducer' | 'metadata' | 'send' | 'connections' | 'close'
>;

const ATTEMPTS = 5;
const FIRST_WAIT_MS = 200;
/** After this long nothing is tried again; an attempt itself ends by the time limits of the requests. */
const PATIENCE_MS = 20_000;
/** How soon added partitions are noticed. */
const METADATA_MAX_AGE_MS = 30_000;
/** Sequence numbers are 31 bits, and the library does not let them begin again at 0. */
const MOST_RECORDS = 2_000_000_000;

/**
 * One producer id of Kafka. What `send` tries again goes out under the same sequence numbers, so it does not come twice;
 * after `send` has failed the producer must not be used any more. For that the library's own retries are off. Found in
 * its code (1.35):
 *
 * - It counts the sequence numbers of a partition on when it has the broker's answer, and those of no partition of a broker
 *   that refused one of them. Sent again, they are repeats to the broker, which says where it has them already.
 * - When brokers answer differently, `error.produced` names what is stored. That is numbered; sent again it would come twice.
 * - Its retry after a change of leaders sends all to the leader of the first record's partition. Here each attempt asks for
 *   the leaders anew.
 * - A partition that does not exist it takes modulo the number of partitions, and without a leader it throws inside a socket's
 *   listener, which ends the process. So both are looked at beforehand.
 * - A late answer to a request that timed out confuses its connection, and a second `error` of a connection has no listener.
 */
export class IdempotentProducer {
  private sent = 0;

  constructor(private readonly producer: LibraryProducer) {
    guardConnections(producer.connections);
  }

  /** True when its sequence numbers may come to their end; the next request needs another producer. */
  get isUsedUp(): boolean {
    return this.sent > MOST_RECORDS;
  }

  partitions(topic: string): Promise<number> {
    return this.trying(topic, ({ partitionsCount }) => Promise.resolve(partitionsCount));
  }

  /** Resolves once every record of the request is durable. */
  async send(topic: string, { records, compress }: ProduceRequest): Promise<void> {
    this.sent += records.length;
    let messages = [...records];
    await this.trying(topic, async (metadata, brokers) => {
      for (const partition of new Set(messages.map((message) => message.partition)))
        if (!brokers.has(metadata.partitions[partition]?.leader ?? -1))
          throw new NoLeaderError(`${topic}[${partition}]`);
      try {
        await this.producer.send({ messages, compression: compress ? 'gzip' : 'none' });
      } catch (error) {
        const stored = storedPartitions(error);
        messages = messages.filter(({ partition }) => !stored.has(partition));
        throw error;
      }
    });
  }

  /** With nothing in flight there is nothing to wait for: a connection that hangs must not keep the process alive. */
  async close(): Promise<void> {
    cutConnections(this.producer.connections);
    await this.producer.close();
  }

  private async trying<T>(
    topic: string,
    work: (metadata: ClusterTopicMetadata, brokers: ReadonlyMap<number, unknown>) => Promise<T>,
  ): Promise<T> {
    const end = performance.now() + PATIENCE_MS;
    for (let attempt = 1, wait = FIRST_WAIT_MS; ; attempt++, wait *= 2) {
      try {
        if (this.producer.producerId === undefined) await this.producer.initIdempotentProducer({});
        const { topics, brokers } = await this.producer.metadata({
          topics: [topic],
          metadataMaxAge: METADATA_MAX_AGE_MS,
          forceUpdate: attempt > 1,
        });
        const found = topics.get(topic);
        if (!found) throw new NoLeaderError(topic);
        return await work(found, brokers);
      } catch (error) {
        if (!mayPass(error) || attempt === ATTEMPTS || performance.now() > end) throw error;
        cutConnections(this.producer.connections);
        await delay(wait);
      }
    }
  }
}

/** Of a partition that is not there, or that nobody leads at the moment. */
class NoLeaderError extends Error {
  constructor(of: string) {
    super(`${of} has no leader`);
    this.name = 'NoLeaderError';
  }
}

/** Timeouts are fine on another connection; of what the library takes for errors of its user, only an unknown topic is left. */
function mayPass(error: unknown): boolean {
  if (error instanceof NoLeaderError) return true;
  if (!isOfLibrary(error)) return false;
  const final = error.findBy('canRetry', false);
  return final === null || final instanceof TimeoutError || final instanceof UserError;
}

function storedPartitions(error: unknown): ReadonlySet<number> {
  const { offsets = [] } = (error as { produced?: ProduceResult }).produced ?? {};
  return new Set(offsets.map(({ partition }) => partition));
}

/** Whether a broker answered with one of these errors, for any partition. */
export function isAnswer(error: unknown, ids: readonly string[]): boolean {
  return isOfLibrary(error) && ids.some((id) => error.findBy('apiId', id) !== null);
}
