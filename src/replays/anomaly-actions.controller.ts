import { Body, Controller, Param, Post } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { anomalyId } from '../anomalies/anomalies.schemas.js';
import type { AnomalyReason } from '../anomalies/core/reason.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import { OPERATOR } from './actor.js';
import {
  discardBody,
  discarded,
  replayBody,
  replayOutcome,
  type DiscardBody,
  type Discarded,
  type ReplayBody,
  type ReplayOutcome,
} from './anomaly-actions.schemas.js';
import { AnomalyActions } from './anomaly-actions.service.js';

/** What can be done with one anomaly. */
@ApiTags('Anomalies')
@Controller('anomalies')
export class AnomalyActionsController {
  constructor(private readonly actions: AnomalyActions) {}

  @Post(':id/replay')
  @Endpoint({
    summary: 'Replay an anomaly',
    description:
      'Judges the record, or a corrected event in its place, by the rules as they are today, and counts it in its windows, once: as a late event, so that they are `amended`, and daily stats of its day are built again. The rules about lateness do not apply, and an event may not be later than 5 minutes after its record. A rejected one stays `new`, with one attempt more and the reason in its history.',
    response: replayOutcome,
    responseDescription: 'What became of it.',
    example: { id: '42', outcome: 'applied' },
    problems: ['not_found', 'anomaly_replayed', 'anomaly_discarded', 'database_unavailable'],
  })
  @ApiBody({ required: false })
  async replay(
    @Param('id', { schema: anomalyId }) id: string,
    @Body({ schema: replayBody }) body: ReplayBody,
  ): Promise<ReplayOutcome> {
    const correction = body.event ? Buffer.from(JSON.stringify(body.event)) : null;
    const { applied, outcome, detail } = await this.actions.replay(id, correction, OPERATOR);
    return applied
      ? { id, outcome: 'applied' }
      : { id, outcome: 'rejected', reason: outcome as AnomalyReason, ...(detail !== null && { detail }) };
  }

  @Post(':id/discard')
  @Endpoint({
    summary: 'Discard an anomaly',
    description: 'For what will never be counted. It is kept, with its bytes and its history.',
    response: discarded,
    responseDescription: 'It is.',
    example: { id: '42', status: 'discarded' },
    problems: ['not_found', 'anomaly_replayed', 'anomaly_discarded', 'database_unavailable'],
  })
  @ApiBody({ required: false })
  async discard(
    @Param('id', { schema: anomalyId }) id: string,
    @Body({ schema: discardBody }) body: DiscardBody,
  ): Promise<Discarded> {
    await this.actions.discard(id, body.note ?? null, OPERATOR);
    return { id, status: 'discarded' };
  }
}
