import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Producer, type ProducerOptions } from '@platformatic/kafka';
import { produceRequests } from '../core/produce-requests.js';
import { EventPublisher, PublishError, type OutgoingEvent } from '../event-publisher.js';
import { IdempotentProducer, isAnswer } from './idempotent-producer.js';

const UNAVAILABLE = 'Kafka cannot be written now';
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];

/**
 * Kafka's idempotent producer: what it retries by itself does not come twice. One call at a time, and a new producer id
 * after every failure: the broker may have stored a request that failed, and the next one under its sequence numbers would
 * be acknowledged as a repeat, and lost.
 */
@Injectable()
export class KafkaPublisher extends EventPublisher implements OnApplicationShutdown {
  private readonly logger = new Logger('Kafka');
  private producer: IdempotentProducer | null = null;
  private last: Promise<unknown> = Promise.resolve();
  /** Counts the times Kafka was found to be away; whoever waited at that moment is refused at once. */
  private failures = 0;
  private closed = false;

  constructor(
    private readonly options: ProducerOptions<Buffer | null, Buffer | null, Buffer, Buffer>,
    private readonly topic: string,
  ) {
    super();
  }

  publish(events: readonly OutgoingEvent[]): Promise<void> {
    const { failures } = this;
    const turn = this.last.then(() => {
      if (failures !== this.failures || this.closed) throw new PublishError('unavailable', UNAVAILABLE);
      return this.send(events);
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.last;
    this.closed = true;
    this.discardProducer();
  }

  private async send(events: readonly OutgoingEvent[]): Promise<void> {
    try {
      if (this.producer?.isUsedUp) this.discardProducer();
      const producer = (this.producer ??= new IdempotentProducer(new Producer({ ...this.options })));
      const partitions = await producer.partitions(this.topic);
      for (const request of produceRequests(events, this.topic, partitions))
        await producer.send(this.topic, request);
    } catch (error) {
      this.discardProducer();
      this.logger.debug(`Events were not published: ${reasons(error).join('; ')}`);
      const refusal = toPublishError(error);
      if (refusal.reason === 'unavailable') this.failures++;
      throw refusal;
    }
  }

  private discardProducer(): void {
    void this.producer?.close().catch(() => undefined);
    this.producer = null;
  }
}

function toPublishError(error: unknown): PublishError {
  return isAnswer(error, TOO_LARGE)
    ? new PublishError('too_large', "An event is larger than the topic's max.message.bytes", { cause: error })
    : new PublishError('unavailable', UNAVAILABLE, { cause: error });
}

/** The messages of an error, of those it is made of, and of their causes: never what was sent or answered. */
function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? (error.errors as unknown[]) : [error.cause];
  return [error.message, ...inner.flatMap(reasons)];
}
