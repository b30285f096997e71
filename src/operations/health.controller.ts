import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { BatchMonitor } from '../daily-stats/batch/batch-monitor.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import { ProblemError } from '../http/problem.js';
import { HealthService, type Checks } from './health.service.js';

const alive = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' });

const check = z
  .object({ status: z.enum(['up', 'down']), detail: z.string().optional().describe('Why it is down.') })
  .meta({ id: 'HealthCheck' });
const details = z
  .object({
    dailyStats: z
      .object({
        status: z.enum(['ok', 'behind', 'unknown']).describe('`unknown`: not looked at since the start yet.'),
        missingDays: z.int(),
        missingDates: z
          .array(z.string())
          .describe('The newest of them, at most 10; `GET /batch/schedule` has all.'),
        failedDates: z.array(z.string()).describe('The newest days that have failed for good, at most 10.'),
      })
      .describe(
        'As of the last look, at most half a minute ago while the database is there. Days that are missing make nobody unready.',
      ),
  })
  .meta({ id: 'ReadyDetails' });
const ready = z
  .object({ status: z.literal('ok'), checks: z.object({ database: check, transport: check }), details })
  .meta({ id: 'Ready' });

/** Probes for whoever runs the process. They are open, and tell nothing but this. */
@ApiTags('Operations')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthService,
    private readonly batch: BatchMonitor,
  ) {}

  @Get('live')
  @Endpoint({
    summary: 'Tell whether the process is alive',
    description: 'Does not look at the database or the log: a restart would not bring those back.',
    response: alive,
    responseDescription: 'It is.',
    example: { status: 'ok' },
    route: { public: true },
  })
  live(): z.output<typeof alive> {
    return { status: 'ok' };
  }

  @Get('ready')
  @Endpoint({
    summary: 'Tell whether the service can do its work',
    description:
      'Whether the database and the log can be reached. The problem has members `checks` and `details` like those of the good answer, and each part that is down in `errors`. Answers within seconds, also when the database hangs.',
    response: ready,
    responseDescription: 'It can.',
    example: {
      status: 'ok',
      checks: { database: { status: 'up' }, transport: { status: 'up' } },
      details: {
        dailyStats: { status: 'behind', missingDays: 1, missingDates: ['2025-11-08'], failedDates: [] },
      },
    },
    problems: ['not_ready'],
    route: { public: true },
  })
  async ready(): Promise<z.output<typeof ready>> {
    const checks = await this.health.checks();
    const errors = whatIsDown(checks);
    if (errors.length > 0) {
      const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
      throw new ProblemError('not_ready', `${detail}.`, errors, { checks, details: this.details() });
    }
    return { status: 'ok', checks, details: this.details() };
  }

  /** From memory: a probe must not wait for the database more than once. */
  private details(): z.output<typeof details> {
    const { last } = this.batch;
    if (!last)
      return { dailyStats: { status: 'unknown', missingDays: 0, missingDates: [], failedDates: [] } };
    const missingDays = last.missingDates.length;
    return {
      dailyStats: {
        status: missingDays + last.failedDates.length > 0 ? 'behind' : 'ok',
        missingDays,
        missingDates: last.missingDates.slice(-10),
        failedDates: last.failedDates.slice(-10),
      },
    };
  }
}

const whatIsDown = (checks: Checks) =>
  Object.entries(checks as unknown as Record<string, Checks['database']>)
    .filter(([, { status }]) => status === 'down')
    .map(([field, { detail }]) => ({ field, message: detail ?? 'is down' }));
