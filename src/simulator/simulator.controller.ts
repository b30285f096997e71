import { Body, Controller, Get, Post } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import {
  runSchema,
  simulatorSchema,
  startRunSchema,
  type Run,
  type SimulatorState,
  type StartRun,
} from './simulator.schemas.js';
import { SimulatorService } from './simulator.service.js';

const started: Run = {
  id: 'c0a7c2f5-9b8e-4c7c-8f0e-3a1f5b6d7e80',
  seed: 7,
  parameters: { eventsPerSecond: 50, totalEvents: 10_000, durationSeconds: null, invalidRate: 0.01 },
  status: 'running',
  sent: 0,
  eventsPerSecond: 0,
  lastError: null,
  startedAt: '2025-11-08T10:15:30.123Z',
  finishedAt: null,
};
const running: Run = { ...started, sent: 1500, eventsPerSecond: 50 };
const stopped: Run = { ...running, status: 'stopped', finishedAt: '2025-11-08T10:16:00.130Z' };

@ApiTags('Simulator')
@Controller('simulator')
export class SimulatorController {
  constructor(private readonly simulator: SimulatorService) {}

  @Post('start')
  @Endpoint({
    summary: 'Start a run',
    description:
      'Makes telecom events up at a steady rate and puts them into the log, where the pipeline finds them like those of ' +
      'any producer: 60 % data sessions, 25 % calls, 10 % SMS and 5 % recharges, evenly from four regions. Without ' +
      'totalEvents and durationSeconds the run goes on until it is stopped. There is one run at a time.',
    status: 201,
    response: runSchema,
    responseDescription: 'The run, just started.',
    example: started,
    problems: ['simulator_running', 'log_unavailable'],
  })
  @ApiBody({ required: false })
  start(@Body({ schema: startRunSchema }) body: StartRun): Run {
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
    problems: ['simulator_not_running'],
  })
  stop(): Promise<Run> {
    return this.simulator.stop();
  }

  @Get()
  @Endpoint({
    summary: 'The current run, or the last one',
    response: simulatorSchema,
    responseDescription: 'State of the simulator.',
    example: { status: 'running', run: running },
  })
  state(): SimulatorState {
    return this.simulator.state();
  }
}
