import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, topicOf, type Config } from '../config/config.js';
import { isDatabaseUnavailable } from '../http/database-unavailable.js';
import { EventSource } from '../transport/event-source.js';
import { PublishError } from '../transport/event-publisher.js';
import { AnswerKeysRepository, type StoredKey } from './answer-keys.repository.js';
import type { Ends } from './core/log-end.js';
import { keyRules, trafficLimits } from './core/run-rules.js';
import { earliestEventTime } from './core/run-parameters.js';
import type { OpenRun, RunResult } from './simulator-run.js';
import type { RunParameters } from './simulator.schemas.js';
import { TrafficFeed } from './traffic-feed.js';

/** How long the pipeline may take to be done with what came before a run, in milliseconds. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 100;
/** Events that are generated again for an answer at most: some minutes. */
const MAX_RECOVERED = 50_000_000;

/** Begins runs whose answer can be told: from a moment in which the pipeline has taken in all that is in the log. */
@Injectable()
export class AnswerKeysService {
  private readonly logger = new Logger(AnswerKeysService.name);

  constructor(
    private readonly source: EventSource,
    private readonly keys: AnswerKeysRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @param signal a run that is stopped meanwhile does not wait
   * @throws PublishError while the log cannot be asked
   */
  async open(runId: string, seed: number, parameters: RunParameters, signal: AbortSignal): Promise<OpenRun> {
    const { ends, newest, doubt } = await this.start(runId, parameters, signal);
    const feed = new TrafficFeed({
      traffic: { ...parameters, ...trafficLimits(this.config), seed },
      rules: keyRules(this.config),
      newest,
      startedAt: Date.now(),
    });
    return { feed, ends, doubt };
  }

  private async start(
    runId: string,
    parameters: RunParameters,
    signal: AbortSignal,
  ): Promise<{ ends: Ends; newest: (number | null)[]; doubt: string | null }> {
    const rules = keyRules(this.config);
    const run = {
      id: runId,
      topic: topicOf(this.config),
      rules,
      earliest: earliestEventTime(parameters, rules.maxLateness),
    };
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      const ends = await this.ends();
      const begun = await this.keys.begin(run, ends).catch((error: unknown) => {
        if (!isDatabaseUnavailable(error)) throw error;
        return { behind: 'the database was away' };
      });
      if ('newest' in begun) return { ends, newest: begun.newest, doubt: null };
      if (Date.now() > deadline || signal.aborted)
        return { ends, newest: [...ends.keys()].map(() => null), doubt: `when it began, ${begun.behind}` };
      await delay(LOOK_MS);
    }
  }

  /** Stores what a run has come to; again is the same as once. */
  async finish(runId: string, result: RunResult | null): Promise<void> {
    if (!result) return;
    try {
      await this.keys.finish(runId, result);
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      // No run shall wait for ever for an answer that cannot be stored.
      this.logger.error(`The answer of simulator run ${runId} could not be stored`, error);
      await this.keys.finish(runId, { doubt: 'its answer could not be stored; see the log of the service' });
    }
  }

  /**
   * Makes and stores the answer of a run that has ended without one, from what the log has got since it began.
   * @throws PublishError while the log cannot be asked
   */
  async recover(runId: string, { seed, parameters, startedAt, rules, partitions }: StoredKey): Promise<void> {
    const ends = await this.ends();
    const counts = partitions.map(({ partition, firstOffset }) =>
      Number((ends.get(partition) ?? firstOffset) - firstOffset),
    );
    const sum = counts.reduce((total, count) => total + count, 0);
    if (sum > MAX_RECOVERED || counts.some((count) => count < 0)) {
      const doubt = `it has ended without an answer, and the log has changed by ${sum} events since it began`;
      await this.keys.finish(runId, { doubt });
      return;
    }
    const feed = new TrafficFeed({
      traffic: { ...parameters, ...trafficLimits(this.config), seed },
      rules: rules ?? keyRules(this.config),
      newest: partitions.map(({ newestEventTime }) => newestEventTime),
      startedAt,
    });
    try {
      const answer = await feed.recover(counts);
      await this.keys.finish(runId, answer.doubt === null ? { answer, ends } : { doubt: answer.doubt });
    } finally {
      await feed.close();
    }
  }

  /** Where each partition of the log ends. @throws PublishError when it cannot be asked */
  async ends(): Promise<Ends> {
    try {
      const bounds = await this.source.bounds();
      return new Map([...bounds].map(([partition, { high }]) => [partition, high]));
    } catch (cause) {
      throw new PublishError('unavailable', 'The log cannot be asked now', { cause });
    }
  }
}
