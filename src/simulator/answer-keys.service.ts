import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CONFIG, topicOf, type Config } from '../config/config.js';
import { isDatabaseUnavailable } from '../http/database-unavailable.js';
import { EventSource } from '../transport/event-source.js';
import { LogReader } from '../transport/log-reader.js';
import { valueOf, type RecordBatch } from '../transport/record-batch.js';
import { PublishError } from '../transport/event-publisher.js';
import { AnswerKeysRepository, type StoredKey } from './answer-keys.repository.js';
import type { Ends } from './core/log-end.js';
import { runRules, trafficLimits, type RunRules } from './core/run-rules.js';
import { earliestEventTime } from './core/run-parameters.js';
import type { Recovered } from './core/traffic-source.js';
import { recoverAnswer } from './recover-answer.js';
import type { OpenRun, RunResult } from './simulator-run.js';
import type { RunParameters } from './simulator.schemas.js';
import { earlierRuns } from './standings.js';
import { TrafficFeed } from './traffic-feed.js';

/** How long the pipeline may take to be done with what came before a run, in milliseconds. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 100;
/** How long reading the last records may take, in milliseconds. */
const READING_MS = 30_000;
/** Events that are generated again for an answer at most: some minutes. */
const MAX_RECOVERED = 50_000_000;

/** Begins runs whose answer can be told: from a moment in which the pipeline has taken in all that is in the log. */
@Injectable()
export class AnswerKeysService {
  private readonly logger = new Logger(AnswerKeysService.name);
  /** By id of the run. */
  private readonly recoveries = new Map<string, Promise<void>>();

  constructor(
    private readonly source: EventSource,
    private readonly reader: LogReader,
    private readonly keys: AnswerKeysRepository,
    @InjectDataSource() private readonly database: DataSource,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @param signal a run that is stopped meanwhile does not wait
   * @throws PublishError while the log cannot be asked
   */
  async open(
    runId: string,
    traffic: { readonly seed: number; readonly idVariant: number },
    parameters: RunParameters,
    signal: AbortSignal,
  ): Promise<OpenRun> {
    const rules = runRules(this.config);
    const { ends, newest, doubt } = await this.start(runId, rules, parameters, signal);
    const feed = new TrafficFeed({
      traffic: { ...parameters, ...trafficLimits(rules), ...traffic },
      rules,
      newest,
      startedAt: Date.now(),
    });
    return { feed, ends, doubt };
  }

  private async start(
    runId: string,
    rules: RunRules,
    parameters: RunParameters,
    signal: AbortSignal,
  ): Promise<{ ends: Ends; newest: (number | null)[]; doubt: string | null }> {
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
  recover(runId: string, key: StoredKey): Promise<void> {
    const underway =
      this.recoveries.get(runId) ??
      this.recovered(runId, key)
        .then((result) => this.keys.finish(runId, result))
        .finally(() => this.recoveries.delete(runId));
    this.recoveries.set(runId, underway);
    return underway;
  }

  private async recovered(runId: string, key: StoredKey): Promise<RunResult> {
    const { seed, parameters, startedAt, partitions, sent } = key;
    const ends = await this.ends();
    const counts = partitions.map(({ partition, firstOffset }) =>
      Number((ends.get(partition) ?? firstOffset) - firstOffset),
    );
    const sum = counts.reduce((total, count) => total + count, 0);
    if (sum < sent || counts.some((count) => count < 0))
      return { doubt: `the log has only ${sum} of the ${sent} events that it had taken` };
    if (sum > MAX_RECOVERED) return { doubt: `it ended without an answer, and with ${sum} events` };
    const rules = key.rules ?? runRules(this.config);
    const newest = partitions.map(({ newestEventTime }) => newestEventTime);
    const idVariant = await earlierRuns(runId, seed, this.database);
    const traffic = { ...parameters, ...trafficLimits(rules), seed, idVariant };
    const recovered = await recoverAnswer({ traffic, rules, newest, startedAt }, counts);
    if (!recovered || !(await this.endsWith(ends, recovered.last)))
      return { doubt: 'others have written to the log since it began' };
    const { answer } = recovered;
    return answer.doubt === null ? { answer, ends } : { doubt: answer.doubt };
  }

  /** Whether the last record of each partition is this one. With a stranger among them each partition's would be another. */
  private async endsWith(ends: Ends, last: Recovered['last']): Promise<boolean> {
    const asked = new Map([...ends].filter(([partition]) => last[partition]));
    let equal = 0;
    try {
      const bounds = await this.source.bounds();
      const starts = new Map(
        [...asked].map(([partition, end]) => [
          partition,
          { logId: bounds.get(partition)?.logId ?? '', offset: end - 1n },
        ]),
      );
      const reading = await this.reader.open(starts, this.database.manager);
      try {
        const take = ({ partition, records }: RecordBatch): Promise<void> => {
          const expected = last[partition]?.value ?? null;
          for (let record; (record = records.next());) {
            const value = valueOf(record);
            if (value === null ? expected === null : expected !== null && value.equals(expected)) equal++;
          }
          return Promise.resolve();
        };
        await reading.readTo(asked, take, AbortSignal.timeout(READING_MS));
      } finally {
        await reading.close();
      }
    } catch (cause) {
      throw new PublishError('unavailable', 'The log cannot be read now', { cause });
    }
    return equal === asked.size;
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
