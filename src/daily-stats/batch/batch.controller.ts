import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { addDays, type Day } from '../../aggregation/core/day.js';
import { Endpoint } from '../../http/endpoint.decorator.js';
import { formatInstant, formatOptionalInstant } from '../../http/core/instant.js';
import type { Page } from '../../http/list.js';
import { invalidRequest, ProblemError } from '../../http/problem.js';
import { DailySchedule } from '../daily-schedule.js';
import { BatchQueries } from './batch.queries.js';
import { BatchService } from './batch.service.js';
import { BatchStateQueries } from './batch-state.queries.js';
import {
  backfill,
  backfillBody,
  batchRun,
  batchRunExample,
  batchRunPage,
  batchSchedule,
  batchScheduleExample,
  runBody,
  runId,
  runQuery,
  runsQuery,
  type Backfill,
  type BackfillBody,
  type BatchRun,
  type BatchSchedule,
  type RunBody,
  type RunQuery,
  type RunsQuery,
} from './batch.schemas.js';

/** Steering the daily batch. */
@ApiTags('Daily stats')
@Controller('batch')
export class BatchController {
  constructor(
    private readonly batch: BatchService,
    private readonly runs: BatchQueries,
    private readonly states: BatchStateQueries,
    private readonly schedule: DailySchedule,
  ) {}

  @Post('run')
  @Endpoint({
    summary: 'Build a day now',
    description:
      'Answers when the day is built, or has failed: a run made by hand is not tried again by itself. While the pipeline watermark has not passed the end of the day, the run stays `waiting` and is taken up within half a minute of that, unless `force` is set. Building a day again replaces its rows. Works also while the batch is paused.',
    response: batchRun,
    responseDescription: 'The run.',
    example: { ...batchRunExample, trigger: 'manual' },
    problems: ['batch_running', 'database_unavailable'],
  })
  @ApiBody({ required: false })
  async run(
    @Body({ schema: runBody }) body: RunBody,
    @Query({ schema: runQuery }) query: RunQuery,
  ): Promise<BatchRun> {
    if (body.date && query.date && body.date !== query.date)
      throw invalidRequest([{ field: 'date', message: 'differs between the body and the query' }]);
    const day = body.date ?? query.date ?? addDays(this.schedule.today(), -1);
    this.assertBuildable('date', day);
    const id = await this.batch.runNow(day, body.force);
    if (id === null)
      throw new ProblemError('batch_running', `${day} is being built; see GET /batch/runs?date=${day}.`);
    return this.found(id);
  }

  @Get('runs')
  @Endpoint({
    summary: 'List the runs of the batch',
    description: 'Newest first; also those that are waiting.',
    response: batchRunPage,
    responseDescription: 'A page of runs.',
    example: { items: [batchRunExample], nextCursor: null },
    csv: batchRun,
    problems: ['database_unavailable'],
  })
  list(@Query({ schema: runsQuery }) query: RunsQuery): Promise<Page<BatchRun>> {
    return this.runs.list(query);
  }

  @Get('runs/:id')
  @Endpoint({
    summary: 'Show a run of the batch',
    response: batchRun,
    responseDescription: 'The run.',
    example: batchRunExample,
    problems: ['not_found', 'database_unavailable'],
  })
  one(@Param('id', { schema: runId }) id: string): Promise<BatchRun> {
    return this.found(id);
  }

  @Post('backfill')
  @Endpoint({
    summary: 'Build a range of days',
    description:
      'At most 366 days, taken up in the background, the oldest first, after everything more urgent. A day that has an open run already keeps that one.',
    status: 202,
    response: backfill,
    responseDescription: 'The days, and their runs.',
    example: {
      dates: ['2025-11-08'],
      runs: [
        {
          ...batchRunExample,
          status: 'waiting',
          trigger: 'backfill',
          attempts: 0,
          rows: null,
          waitingFor: 'turn',
          startedAt: null,
          finishedAt: null,
        },
      ],
    },
    problems: ['database_unavailable'],
  })
  async backfill(@Body({ schema: backfillBody }) body: BackfillBody): Promise<Backfill> {
    this.assertBuildable('from', body.from);
    if (body.to > this.schedule.today())
      throw invalidRequest([
        { field: 'to', message: 'must not be after today (UTC): a day is built when it is over' },
      ]);
    const { days, runIds } = await this.batch.backfill(body.from, body.to, body.mode, body.dryRun);
    return { dates: days, runs: await this.runs.many(runIds) };
  }

  @Post('pause')
  @Endpoint({
    summary: 'Pause the batch',
    description:
      'In all replicas, also after a restart: nothing is planned or taken up by itself any more; a day that is being built is finished.',
    response: batchSchedule,
    responseDescription: 'How it stands.',
    example: { ...batchScheduleExample, paused: true, nextRunAt: null },
    problems: ['database_unavailable'],
  })
  async pause(): Promise<BatchSchedule> {
    await this.batch.pause();
    return this.show();
  }

  @Post('resume')
  @Endpoint({
    summary: 'Resume the batch',
    description: 'Everything that was missed meanwhile is caught up with.',
    response: batchSchedule,
    responseDescription: 'How it stands.',
    example: batchScheduleExample,
    problems: ['database_unavailable'],
  })
  async resume(): Promise<BatchSchedule> {
    await this.batch.resume();
    return this.show();
  }

  @Get('schedule')
  @Endpoint({
    summary: 'Show what the batch does next, and what it owes',
    response: batchSchedule,
    responseDescription: 'How it stands.',
    example: batchScheduleExample,
    problems: ['database_unavailable'],
  })
  async show(): Promise<BatchSchedule> {
    const state = await this.states.state();
    return {
      cron: this.schedule.cron,
      paused: state.paused,
      nextRunAt: state.paused ? null : formatInstant(this.schedule.nextRunAt()),
      missingDates: [...state.missingDates],
      staleDates: [...state.staleDates],
      failedDates: [...state.failedDates],
      waitingRuns: state.waitingRuns,
      runningRuns: state.runningRuns,
      lastSuccessAt: formatOptionalInstant(state.lastSuccessAt),
    };
  }

  private async found(id: string): Promise<BatchRun> {
    const run = await this.runs.one(id);
    if (!run) throw new ProblemError('not_found', `There is no run ${id}.`);
    return run;
  }

  private assertBuildable(field: string, day: Day): void {
    const refusal = this.schedule.whyNotBuildable(day);
    if (refusal) throw invalidRequest([{ field, message: refusal }]);
  }
}
