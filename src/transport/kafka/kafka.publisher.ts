import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Kafka, Message, Producer } from 'kafkajs';
import { EventPublisher, PublishError, type OutgoingEvent } from '../event-publisher.js';

/** Bytes of one request: below the brokers' default limit for a batch (1 MiB), so that only a single event can be too large. */
const MAX_REQUEST_BYTES = 768 * 1024;
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];

/** Kafka's idempotent producer: what it retries by itself does not come twice. */
@Injectable()
export class KafkaPublisher extends EventPublisher implements OnApplicationShutdown {
  private producer: Producer | null = null;
  private connecting: Promise<Producer> | null = null;

  constructor(
    private readonly kafka: Kafka,
    private readonly topic: string,
  ) {
    super();
  }

  async publish(events: readonly OutgoingEvent[]): Promise<void> {
    try {
      const producer = await this.connected();
      for (const messages of requests(events)) await producer.send({ topic: this.topic, acks: -1, messages });
    } catch (error) {
      throw toPublishError(error);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.producer?.disconnect();
  }

  private async connected(): Promise<Producer> {
    if (this.producer) return this.producer;
    this.connecting ??= this.connect().finally(() => (this.connecting = null));
    return this.connecting;
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    });
    await producer.connect();
    producer.on(producer.events.DISCONNECT, () => {
      if (this.producer === producer) this.producer = null;
    });
    return (this.producer = producer);
  }
}

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
  return new PublishError('unavailable', 'Kafka cannot be written now', { cause: error });
}
