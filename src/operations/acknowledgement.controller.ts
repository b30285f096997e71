import { Controller, Logger, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Endpoint } from '../http/endpoint.decorator.js';
import { ProblemError } from '../http/problem.js';
import { CheckpointRepository, HALT_REASONS } from '../ingestion/checkpoint.repository.js';
import { EventSource, type LogBounds } from '../transport/event-source.js';

const partitionNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'must be the number of a partition')
  .transform(Number)
  .describe('Number of the partition.');

const acknowledgement = z
  .object({
    partition: z.int(),
    reason: z.enum(HALT_REASONS).describe('Why it was halted.'),
    from: z.string().describe('The checkpoint before: the offset that was to be read next.'),
    to: z
      .string()
      .describe(
        'The checkpoint now: the first offset that the log still has. Offsets between the two are lost.',
      ),
    incarnation: z
      .int()
      .describe('Counts how often the log was begun anew; offsets repeat between incarnations.'),
  })
  .meta({ id: 'Acknowledgement', description: 'A halted partition was put back into service.' });

/** Where an operator takes note of records that are lost, and lets a halted partition go on. */
@ApiTags('Operations')
@Controller('pipeline/partitions')
export class AcknowledgementController {
  private readonly logger = new Logger('Acknowledgement');

  constructor(
    private readonly checkpoints: CheckpointRepository,
    private readonly source: EventSource,
  ) {}

  @Post(':partition/acknowledge')
  @Endpoint({
    summary: 'Acknowledge a halted partition',
    description:
      'A partition halts when its log no longer has the offset to read next: retention has passed the checkpoint, the log has lost its end, or the topic was created anew. Nothing is skipped in silence. This takes note of the gap and goes on at the first offset that is still there; its owner takes it up within seconds. After `log_behind_checkpoint` and `log_replaced` the log counts as a new one: all that it holds is counted, also what was counted before if it is the old log that has lost its end. After `log_replaced`, if the old log is back, it goes on at the checkpoint.',
    response: acknowledgement,
    responseDescription: 'The partition is back in service.',
    example: { partition: 0, reason: 'log_truncated', from: '10', to: '15', incarnation: 1 },
    problems: ['not_found', 'partition_not_halted', 'database_unavailable', 'log_unavailable'],
  })
  async acknowledge(
    @Param('partition', { schema: partitionNumber }) partition: number,
  ): Promise<z.output<typeof acknowledgement>> {
    const { low: offset, logId } = await this.boundsOf(partition);
    const done = await this.checkpoints.acknowledge(this.source.topic, partition, { logId, offset });
    if (!done)
      throw new ProblemError(
        'partition_not_halted',
        `Partition ${partition} is not halted; see GET /pipeline.`,
      );
    this.logger.warn(
      `Partition ${partition} (${done.reason}) was acknowledged: it goes on at offset ${done.to} instead of ${done.from}`,
    );
    return { partition, ...done };
  }

  private async boundsOf(partition: number): Promise<LogBounds> {
    let bounds;
    try {
      bounds = await this.source.bounds();
    } catch (cause) {
      throw new ProblemError(
        'log_unavailable',
        `The log cannot be asked for its bounds: ${(cause as Error).message}`,
      );
    }
    const known = bounds.get(partition);
    if (!known) throw new ProblemError('not_found', `The log has no partition ${partition}.`);
    return known;
  }
}
