import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import type { Page } from '../http/list.js';
import { ProblemError } from '../http/problem.js';
import {
  expectedExample,
  expectedSchema,
  verificationExample,
  verificationSchema,
  verifyBody,
  type Expected,
  type Verification,
  type VerifyBody,
} from './answer-key.schemas.js';
import { SimulatorRunsRepository } from './simulator-runs.repository.js';
import {
  runExample,
  runId,
  runPage,
  runSchema,
  runsQuery,
  simulatorSchema,
  startRunSchema,
  type Run,
  type RunsQuery,
  type SimulatorState,
  type StartRun,
} from './simulator.schemas.js';
import { SimulatorService } from './simulator.service.js';
import { VerificationService } from './verification.service.js';

const running: Run = { ...runExample, sent: 1500, eventsPerSecond: 50 };
const stopped: Run = { ...running, status: 'stopped', finishedAt: '2025-11-08T10:16:00.130Z' };

@ApiTags('Simulator')
@Controller('simulator')
export class SimulatorController {
  constructor(
    private readonly simulator: SimulatorService,
    private readonly runs: SimulatorRunsRepository,
    private readonly verification: VerificationService,
  ) {}

  @Post('start')
  @Endpoint({
    summary: 'Start a run',
    description:
      'Makes telecom events up at a steady rate and puts them into the log, where the pipeline finds them like those of ' +
      'any producer: by default 60 % data sessions, 25 % calls, 10 % SMS and 5 % recharges, evenly from four regions. Without ' +
      'totalEvents and durationSeconds the run goes on until it is stopped. There is one run at a time, over all replicas.',
    status: 201,
    response: runSchema,
    responseDescription: 'The run, just started.',
    example: runExample,
    problems: ['simulator_running', 'log_unavailable', 'database_unavailable'],
  })
  @ApiBody({ required: false })
  start(@Body({ schema: startRunSchema }) body: StartRun): Promise<Run> {
    return this.simulator.start(body);
  }

  @Post('stop')
  @Endpoint({
    summary: 'Stop the run',
    description:
      'Answers when the events on their way have reached the log, or were given up: `sent` is final.',
    response: runSchema,
    responseDescription: 'The run, ended.',
    example: stopped,
    problems: ['simulator_not_running', 'database_unavailable'],
  })
  stop(): Promise<Run> {
    return this.simulator.stop();
  }

  @Post('pause')
  @Endpoint({
    summary: 'Pause the run',
    description: 'Its time stands still: what would have been due is not made up for. A paused run stays so.',
    response: runSchema,
    responseDescription: 'The run, paused.',
    example: { ...running, status: 'paused' },
    problems: ['simulator_not_running', 'database_unavailable'],
  })
  pause(): Promise<Run> {
    return this.simulator.pause();
  }

  @Post('resume')
  @Endpoint({
    summary: 'Go on with a paused run',
    response: runSchema,
    responseDescription: 'The run, going on; so it stays when it was not paused.',
    example: running,
    problems: ['simulator_not_running', 'database_unavailable'],
  })
  resume(): Promise<Run> {
    return this.simulator.resume();
  }

  @Get()
  @Endpoint({
    summary: 'The current run, or the last one',
    response: simulatorSchema,
    responseDescription: 'State of the simulator.',
    example: { status: 'running', run: running },
    problems: ['database_unavailable'],
  })
  state(): Promise<SimulatorState> {
    return this.simulator.state();
  }

  @Get('runs')
  @Endpoint({
    summary: 'List runs',
    description: 'Newest first.',
    response: runPage,
    responseDescription: 'A page of runs.',
    example: { items: [stopped], nextCursor: null },
    csv: runSchema,
    problems: ['database_unavailable'],
  })
  list(@Query({ schema: runsQuery }) query: RunsQuery): Promise<Page<Run>> {
    return this.runs.list(query);
  }

  @Get('runs/:id')
  @Endpoint({
    summary: 'Show a run',
    response: runSchema,
    responseDescription: 'The run; what it has sent is as of the last half second.',
    example: stopped,
    problems: ['not_found', 'database_unavailable'],
  })
  async one(@Param('id', { schema: runId }) id: string): Promise<Run> {
    const run = await this.simulator.one(id);
    if (!run) throw new ProblemError('not_found', `There is no run ${id}.`);
    return run;
  }

  @Get('runs/:id/expected')
  @Endpoint({
    summary: 'Show what the pipeline must have made of a run',
    description:
      'Worked out while the events were made, from what they say and the documented rules, by code that the pipeline does not share. ' +
      'There is an answer for runs that began when the pipeline had taken in all of the log, and have ended. It holds as long as ' +
      'nobody else writes to the topic from the beginning of the run on. Those of the last 20 runs are kept.',
    response: expectedSchema,
    responseDescription: 'The answer key.',
    example: expectedExample,
    problems: ['not_found', 'simulator_running', 'run_not_verifiable', 'database_unavailable'],
  })
  expected(@Param('id', { schema: runId }) id: string): Promise<Expected> {
    return this.verification.expected(id);
  }

  @Post('runs/:id/verify')
  @Endpoint({
    summary: 'Compare the database with the answer key of a run',
    description:
      'Waits until the pipeline has taken in the whole run, then compares each window less what it held before the run, the ' +
      'anomalies of the records of the run by reason, and the ledger of each partition. Nothing else may have been written to the ' +
      'topic since the run began, and none of its anomalies replayed.',
    response: verificationSchema,
    responseDescription: 'What was found.',
    example: verificationExample,
    problems: [
      'not_found',
      'simulator_running',
      'run_not_verifiable',
      'pipeline_behind',
      'log_unavailable',
      'database_unavailable',
    ],
  })
  @ApiBody({ required: false })
  verify(
    @Param('id', { schema: runId }) id: string,
    @Body({ schema: verifyBody }) { timeoutSeconds }: VerifyBody,
  ): Promise<Verification> {
    return this.verification.verify(id, timeoutSeconds);
  }
}
