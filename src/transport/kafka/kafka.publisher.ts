import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Kafka, Message, Producer } from 'kafkajs';
import { EventPublisher, PublishError, type OutgoingEvent } from '../event-publisher.js';

/** Bytes of one request: below the brokers' default limit for a batch (1 MiB), so that only a single event can be too large. */
const MAX_REQUEST_BYTES = 768 * 1024;
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];

/**
 * Kafka's idempotent producer: what it retries by itself does not come twice. One call at a time, and a new producer
 * after every failure: kafkajs takes the sequence number of a failed request back although the broker may have stored
 * it, and the next request under that number would be acknowledged as a repeat, and lost.
 */
@Injectable()
export class KafkaPublisher extends EventPublisher implements OnApplicationShutdown {
  private producer: Producer | null = null;
  private last: Promise<unknown> = Promise.resolve();
  /** Counts the times Kafka was found to be away; whoever waited at that moment is refused at once. */
  private failures = 0;

  constructor(
    private readonly kafka: Kafka,
    private readonly topic: string,
  ) {
    super();
  }

  publish(events: readonly OutgoingEvent[]): Promise<void> {
    const { failures } = this;
    const turn = this.last.then(() => {
      if (failures !== this.failures) throw new PublishError('unavailable', UNAVAILABLE);
      return this.send(events);
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.last;
    await this.producer?.disconnect();
  }

  private async send(events: readonly OutgoingEvent[]): Promise<void> {
    try {
      const producer = (this.producer ??= await this.connect());
      for (const messages of requests(events)) await producer.send({ topic: this.topic, acks: -1, messages });
    } catch (error) {
      const old = this.producer;
      this.producer = null;
      void old?.disconnect().catch(() => undefined);
      const refusal = toPublishError(error);
      if (refusal.reason === 'unavailable') this.failures++;
      throw refusal;
    }
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    });
    await producer.connect();
    return producer;
  }
}

const UNAVAILABLE = 'Kafka cannot be written now';

/** Requests of bounded size, in order; a larger event gets one of its own. */
function* requests(events: readonly OutgoingEvent[]): Generator<Message[]> {
  let messages: Message[] = [];
  let bytes = 0;
  for (const { key, value } of events) {
    const size = (value?.length ?? 0) + (key?.length ?? 0);
    if (messages.length > 0 && bytes + size > MAX_REQUEST_BYTES) {
      yield messages;
      [messages, bytes] = [[], 0];
    }
    messages.push({ key, value });
    bytes += size;
  }
  if (messages.length > 0) yield messages;
}

function toPublishError(error: unknown): PublishError {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ('type' in cause && TOO_LARGE.includes(String(cause.type)))
      return new PublishError('too_large', "An event is larger than the topic's max.message.bytes", {
        cause: error,
      });
  return new PublishError('unavailable', UNAVAILABLE, { cause: error });
}
