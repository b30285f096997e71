/** An event on its way into the log: its bytes as they shall be kept, and the key that picks its partition. */
export interface OutgoingEvent {
  readonly key: string | null;
  readonly value: Buffer | null;
  /** Given, it is picked already. The embedded log has but partition 0. */
  readonly partition?: number;
}

/**
 * The port through which events enter the log; Kafka's producer and the `event_log` table implement it.
 * The class itself is the Nest injection token.
 */
export abstract class EventPublisher {
  /**
   * Appends the events in order, and resolves once all of them are durable.
   * @throws PublishError when they are not, or may not be, in the log
   */
  abstract publish(events: readonly OutgoingEvent[]): Promise<void>;
}

/** `too_large`: the log takes no record of that size; `unavailable`: the log cannot be written now, try again. */
export class PublishError extends Error {
  constructor(
    readonly reason: 'too_large' | 'unavailable',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PublishError';
  }
}
