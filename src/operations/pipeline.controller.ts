import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { EventSource } from '../transport/event-source.js';
import { PipelineQueries } from './pipeline.queries.js';
import { pipelineExample, pipelineStatus, type PipelineStatus } from './pipeline.schemas.js';

/** The state of the pipeline, for people and scripts. */
@ApiTags('Operations')
@Controller('pipeline')
export class PipelineController {
  constructor(
    private readonly pipeline: PipelineQueries,
    private readonly source: EventSource,
  ) {}

  @Get()
  @Endpoint({
    summary: 'Show the state of the pipeline',
    description:
      'Over all replicas, as of their last checkpoints: the watermark and what holds it back, the lag and the ledger of each partition.',
    response: pipelineStatus,
    responseDescription: 'The state now.',
    example: pipelineExample,
    problems: ['database_unavailable'],
  })
  async show(): Promise<PipelineStatus> {
    return { transport: this.source.transport, ...(await this.pipeline.state()) };
  }
}
