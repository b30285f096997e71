import { Controller, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { mediaTypeOf } from '../http/body-parser.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import { invalidRequest, ProblemError } from '../http/problem.js';
import { eventsOfJson, eventsOfLines } from './core/posted-events.js';
import { EventPublisher } from './event-publisher.js';
import { accepted, eventsBody, LINES, MAX_EVENTS, type Accepted } from './events.schemas.js';

/** The way into the log for those who do not speak Kafka. */
@ApiTags('Events')
@Controller('events')
export class EventsController {
  constructor(private readonly publisher: EventPublisher) {}

  @Post()
  @Endpoint({
    summary: 'Put events into the log',
    description: `One event, an array of 1 to ${MAX_EVENTS}, or that many lines of NDJSON. The answer comes once they are durable. Each is kept to the byte, and judged by the pipeline rather than here: a bad event becomes an anomaly. Events of one \`msisdn\` stay in order.`,
    status: 202,
    response: accepted,
    responseDescription: 'All events are in the log.',
    example: { accepted: 1 },
    problems: ['event_too_large', 'log_unavailable'],
    requestBody: eventsBody,
    route: { rawBody: ['application/json', LINES] },
  })
  async publish(@Req() request: FastifyRequest<{ Body: Buffer | undefined }>): Promise<Accepted> {
    const bytes = request.body ?? Buffer.alloc(0);
    const events = mediaTypeOf(request) === LINES ? eventsOfLines(bytes) : eventsOfJson(bytes);
    if (events === null) throw new ProblemError('malformed_json', 'The body is not JSON in UTF-8.');
    if (events.length === 0 || events.length > MAX_EVENTS) {
      throw invalidRequest([
        { field: 'body', message: `must hold 1 to ${MAX_EVENTS} events, not ${events.length}` },
      ]);
    }
    await this.publisher.publish(events);
    return { accepted: events.length };
  }
}
