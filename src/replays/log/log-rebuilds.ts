import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { CONFIG, topicOf, type Config } from '../../config/config.js';
import { intakeRules } from '../../ingestion/core/intake.js';
import { RecentIds } from '../../ingestion/core/recent-ids.js';
import { LogReader } from '../../transport/log-reader.js';
import type { ReadPartition } from '../core/log-plan.js';
import type { RebuildRange } from '../core/rebuild-range.js';
import { LogRebuild } from './log-rebuild.js';
import { LogSurvey } from './log-survey.js';
import { RebuildInputsRepository } from './rebuild-inputs.repository.js';
import { RebuildRepository } from './rebuild.repository.js';

/** Opens rebuilds. */
@Injectable()
export class LogRebuilds {
  constructor(
    private readonly survey: LogSurvey,
    private readonly reader: LogReader,
    private readonly inputs: RebuildInputsRepository,
    private readonly rebuild: RebuildRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws ProblemError log_too_short, data_expired, log_unavailable; LogUnavailableError */
  async open(connection: EntityManager, range: RebuildRange): Promise<LogRebuild> {
    await this.rebuild.createTables(connection);
    const survey = await this.survey.make(connection, range);
    const reading = await this.reader.open(survey.starts, connection);
    const repositories = { inputs: this.inputs, rebuild: this.rebuild };
    return new LogRebuild(connection, repositories, reading, survey, {
      topic: topicOf(this.config),
      range,
      rules: intakeRules(this.config),
      recentIds: () => RecentIds.by(this.config),
    });
  }

  /** The partitions of the topic. @param how `lock`: none of them moves on before the transaction ends */
  checkpoints(connection: EntityManager, how: 'look' | 'lock'): Promise<ReadPartition[]> {
    const topic = topicOf(this.config);
    return how === 'lock'
      ? this.inputs.lockPartitions(connection, topic)
      : this.inputs.partitions(connection, topic);
  }

  /** Events that the windows made anew count. */
  countEvents(connection: EntityManager): Promise<number> {
    return this.rebuild.countEvents(connection);
  }
}
