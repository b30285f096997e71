import { Injectable } from '@nestjs/common';
import { EventPublisher, PublishError, type OutgoingEvent } from '../event-publisher.js';
import { EventLogRepository } from './event-log.repository.js';

interface Waiting {
  readonly values: (Buffer | null)[];
  readonly done: () => void;
  readonly failed: (error: PublishError) => void;
}

/** Bounds of one transaction, so that a burst of callers does not become one huge statement. */
const MAX_EVENTS = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** Appends to `event_log`. Callers that arrive while a transaction is under way share the next one. */
@Injectable()
export class EmbeddedPublisher extends EventPublisher {
  private queue: Waiting[] = [];
  private writing = false;

  constructor(private readonly log: EventLogRepository) {
    super();
  }

  publish(events: readonly OutgoingEvent[]): Promise<void> {
    if (events.length === 0) return Promise.resolve();
    return new Promise((done, failed) => {
      this.queue.push({ values: events.map(({ value }) => value), done, failed });
      if (!this.writing) void this.write();
    });
  }

  private async write(): Promise<void> {
    this.writing = true;
    for (let group = this.nextGroup(); group.length > 0; group = this.nextGroup()) {
      try {
        await this.log.append(group.flatMap(({ values }) => values));
        for (const { done } of group) done();
      } catch (cause) {
        const error = new PublishError('unavailable', 'The embedded log cannot be written now', { cause });
        for (const { failed } of group) failed(error);
      }
    }
    this.writing = false;
  }

  /** At least one caller's events whole, and more while they fit. */
  private nextGroup(): Waiting[] {
    let events = 0;
    let bytes = 0;
    let size = 0;
    for (const { values } of this.queue) {
      events += values.length;
      bytes += values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
      if (size > 0 && (events > MAX_EVENTS || bytes > MAX_BYTES)) break;
      size++;
    }
    return this.queue.splice(0, size);
  }
}
