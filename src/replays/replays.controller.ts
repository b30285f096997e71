import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { ApiTags } from '@nestjs/swagger';
import type { DataSource } from 'typeorm';
import { Endpoint } from '../http/endpoint.decorator.js';
import type { Page } from '../http/list.js';
import { invalidRequest, ProblemError } from '../http/problem.js';
import { OPERATOR } from './actor.js';
import { RebuildRange } from './core/rebuild-range.js';
import { LogJobsRepository } from './log/log-jobs.repository.js';
import { LogSurvey } from './log/log-survey.js';
import { ReplayJobsRepository } from './replay-jobs.repository.js';
import { ReplaysQueries } from './replays.queries.js';
import {
  newReplay,
  replay,
  replayDetail,
  replayDetailExample,
  replayExample,
  replayId,
  replayPage,
  replaysQuery,
  type NewAnomaliesReplay,
  type NewLogReplay,
  type NewReplayBody,
  type Replay,
  type ReplayDetail,
  type ReplaysQuery,
} from './replays.schemas.js';

/** Jobs that count in bulk what was set aside, or make windows anew. */
@ApiTags('Replays')
@Controller('replays')
export class ReplaysController {
  constructor(
    private readonly jobs: ReplayJobsRepository,
    private readonly replays: ReplaysQueries,
    private readonly logJobs: LogJobsRepository,
    private readonly survey: LogSurvey,
    @InjectDataSource() private readonly database: DataSource,
  ) {}

  @Post()
  @Endpoint({
    summary: 'Replay anomalies in bulk, or make windows anew from the log',
    description:
      'Makes a job of all anomalies of status `new` that meet the filter now; each is judged by the rules of today, with the patch applied to it, and counted at most once, like by `POST /anomalies/{id}/replay`. The first 100 are a canary: when less than 95 % of them are applied, the job fails and leaves the others alone, unless `force` is set. Jobs go on after a restart, in any replica. A dry run stores nothing but its result.\n\nWith `source: "log"` it reads the log again, beside ingestion, and puts the windows that lie wholly in `[from, to)` right: each is what the log makes of it by the rules of today, with all that was replayed. Ingestion waits only for the last moments of it, see `ingestionPausedMs`. Anomalies of the range whose records pass now become `replayed`, and records that are rejected now, new anomalies.',
    status: 202,
    response: replayDetail,
    responseDescription: 'The job, planned.',
    example: {
      ...replayDetailExample,
      status: 'planned',
      applied: 0,
      rejected: 0,
      byReason: {},
      changes: [],
      startedAt: null,
      finishedAt: null,
    },
    problems: [
      'nothing_to_replay',
      'log_too_short',
      'data_expired',
      'log_unavailable',
      'database_unavailable',
    ],
  })
  async create(@Body({ schema: newReplay }) body: NewReplayBody): Promise<ReplayDetail> {
    const id = body.source === 'log' ? await this.createLog(body) : await this.createAnomalies(body);
    return this.found(id);
  }

  @Get()
  @Endpoint({
    summary: 'List replays',
    description: 'Newest first, without the windows they have changed.',
    response: replayPage,
    responseDescription: 'A page of replays.',
    example: { items: [replayExample], nextCursor: null },
    csv: replay,
    problems: ['database_unavailable'],
  })
  list(@Query({ schema: replaysQuery }) query: ReplaysQuery): Promise<Page<Replay>> {
    return this.replays.list(query);
  }

  @Get(':id')
  @Endpoint({
    summary: 'Show a replay',
    response: replayDetail,
    responseDescription: 'The replay, as of its last chunk.',
    example: replayDetailExample,
    problems: ['not_found', 'database_unavailable'],
  })
  one(@Param('id', { schema: replayId }) id: string): Promise<ReplayDetail> {
    return this.found(id);
  }

  @Post(':id/cancel')
  @Endpoint({
    summary: 'Cancel a replay',
    description: 'The chunk in hand is finished. What was applied stays applied.',
    response: replayDetail,
    responseDescription: 'The replay, cancelled.',
    example: { ...replayDetailExample, status: 'cancelled' },
    problems: ['not_found', 'replay_ended', 'database_unavailable'],
  })
  async cancel(@Param('id', { schema: replayId }) id: string): Promise<ReplayDetail> {
    const cancelled = await this.jobs.end(this.database.manager, id, 'cancelled', null);
    const found = await this.found(id);
    if (!cancelled) throw new ProblemError('replay_ended', `Replay ${id} has ${found.status} already.`);
    return found;
  }

  private async createAnomalies(body: NewAnomaliesReplay): Promise<string> {
    const { filter, patch = null, dryRun, ratePerSecond, force } = body;
    if (filter.ids) await this.assertKnown(filter.ids);
    const id = await this.jobs.create({ filter, patch, dryRun, ratePerSecond, force, requestedBy: OPERATOR });
    if (id === null)
      throw new ProblemError(
        'nothing_to_replay',
        'No anomaly of status new meets the filter; see GET /anomalies.',
      );
    return id;
  }

  /** Looks at once whether the log is still there, so that nobody has to come back for that answer. */
  private async createLog({ from, to, dryRun }: NewLogReplay): Promise<string> {
    await this.survey.make(this.database.manager, RebuildRange.between(from, to));
    return this.logJobs.create({ from, to }, dryRun, OPERATOR);
  }

  private async assertKnown(ids: readonly string[]): Promise<void> {
    const unknown = await this.replays.unknownAnomalies(ids);
    if (unknown.length === 0) return;
    const more = unknown.length > 10 ? ` and ${unknown.length - 10} more` : '';
    throw invalidRequest([
      {
        field: 'filter.ids',
        message: `names anomalies that there are not: ${unknown.slice(0, 10).join(', ')}${more}`,
      },
    ]);
  }

  private async found(id: string): Promise<ReplayDetail> {
    const found = await this.replays.one(id);
    if (!found) throw new ProblemError('not_found', `There is no replay ${id}.`);
    return found;
  }
}
