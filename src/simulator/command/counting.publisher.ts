import { EventPublisher, type OutgoingEvent } from '../../transport/event-publisher.js';

/** Counts the bytes of what is published. */
export class CountingPublisher extends EventPublisher {
  bytes = 0;
  /** Of the batch on its way: a run tries what is left of one again until it is through. */
  private underway: number | null = null;

  constructor(private readonly publisher: EventPublisher) {
    super();
  }

  async publish(events: readonly OutgoingEvent[]): Promise<void> {
    this.underway ??= events.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    await this.publisher.publish(events);
    this.bytes += this.underway;
    this.underway = null;
  }
}
