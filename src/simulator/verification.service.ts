import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { ProblemError } from '../http/problem.js';
import { PublishError } from '../transport/event-publisher.js';
import type { Expected, Verification } from './answer-key.schemas.js';
import { AnswerKeysRepository, type KeyedPartition, type StoredKey } from './answer-keys.repository.js';
import { AnswerKeysService } from './answer-keys.service.js';
import { ComparisonQueries, type Snapshot } from './comparison.queries.js';
import type { PartitionAnswer } from './core/answer-key.js';
import { differencesOfAnomalies, differencesOfLedger, differencesOfWindow } from './core/differences.js';
import { totalsOf } from './core/expected-ledger.js';
import { expectedOf, locatedAnswer } from './core/expected.js';
import type { Ends } from './core/log-end.js';
import { SimulatorService } from './simulator.service.js';
import type { Standing } from './standings.js';

/** Differences that are listed at most. */
const MAX_DIFFERENCES = 1000;
const LOOK_MS = 100;

/** Of a run that has ended. */
type WholePartition = KeyedPartition & { readonly endOffset: bigint; readonly answer: PartitionAnswer };
interface WholeKey extends StoredKey {
  readonly topic: string;
  readonly partitions: readonly WholePartition[];
}

/** Compares what the database holds with what a run of the simulator must have made of it. */
@Injectable()
export class VerificationService {
  constructor(
    private readonly simulator: SimulatorService,
    private readonly keys: AnswerKeysRepository,
    private readonly log: AnswerKeysService,
    private readonly comparison: ComparisonQueries,
  ) {}

  /** @throws ProblemError not_found, simulator_running, run_not_verifiable */
  async expected(runId: string): Promise<Expected> {
    const { topic, rules, partitions } = await this.key(runId);
    const located = partitions.map(({ firstOffset, endOffset, answer }) =>
      locatedAnswer(answer, firstOffset, endOffset),
    );
    return { runId, topic, ...expectedOf(rules, located, await this.keys.windows(runId)) };
  }

  /**
   * Waits until the pipeline has taken in all of the run, then compares.
   * @param patience seconds
   * @throws ProblemError not_found, simulator_running, run_not_verifiable, pipeline_behind, log_unavailable
   */
  async verify(runId: string, patience: number): Promise<Verification> {
    const key = await this.key(runId);
    await this.caughtUp(key, patience);
    const found = await this.comparison.compare(runId, key.topic, key.partitions, MAX_DIFFERENCES);
    mustBeLatest(found);
    mustBeLast(key, found.standings, await this.asking(() => this.log.ends()));
    const all = [
      ...key.partitions.flatMap((partition) => differencesOf(partition, found)),
      ...found.windows.differences.flatMap(differencesOfWindow),
    ];
    return {
      runId,
      matches: all.length === 0,
      differences: all.slice(0, MAX_DIFFERENCES),
      moreDifferences: all.length > MAX_DIFFERENCES || found.windows.differing > MAX_DIFFERENCES,
      sent: totalsOf(key.partitions.map(({ answer }) => answer)).sent,
      windowsCompared: found.windows.compared,
      windowsDiffering: found.windows.differing,
    };
  }

  private async key(runId: string): Promise<WholeKey> {
    const run = await this.simulator.one(runId);
    let key = await this.keys.one(runId);
    if (!run || !key) throw new ProblemError('not_found', `There is no run ${runId}.`);
    if (run.status === 'running' || run.status === 'paused')
      throw new ProblemError('simulator_running', 'The run has not ended: its answer is known when it has.');
    // Its process has died, or could not reach the log any more.
    if (key.notVerifiable === null && key.partitions.some(({ answer }) => answer === null)) {
      mustBeLatest(key);
      key = await this.recovered(runId, key);
    }
    if (key.notVerifiable !== null) throw notVerifiable(key.notVerifiable);
    const { topic, partitions } = key;
    if (topic === null || !partitions.every(isWhole))
      throw notVerifiable('its answer is not kept any more, or was never known');
    return { ...key, topic, partitions };
  }

  private async recovered(runId: string, key: StoredKey): Promise<StoredKey> {
    await this.asking(() => this.log.recover(runId, key));
    return (await this.keys.one(runId)) ?? key;
  }

  private async caughtUp({ topic, partitions }: WholeKey, patience: number): Promise<void> {
    for (const deadline = Date.now() + patience * 1000; ;) {
      const standings = await this.comparison.standings(topic);
      const behind = partitions.find(({ partition, incarnation, endOffset }) => {
        const standing = standings.get(partition);
        return standing?.incarnation === incarnation && standing.nextOffset < endOffset;
      });
      if (!behind) return;
      if (Date.now() >= deadline)
        throw new ProblemError(
          'pipeline_behind',
          `Partition ${behind.partition} has not been taken in up to offset ${behind.endOffset} yet. Ask again later, or see GET /pipeline for what holds it up.`,
        );
      await delay(LOOK_MS);
    }
  }

  private async asking<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      if (error instanceof PublishError)
        throw new ProblemError('log_unavailable', 'Where the log ends cannot be asked now; try again later.');
      throw error;
    }
  }
}

function differencesOf(
  partition: WholePartition,
  { standings, anomalies }: Snapshot,
): Verification['differences'] {
  const standing = standings.get(partition.partition);
  return [
    ...(standing ? differencesOfLedger(partition, standing.ledger) : []),
    ...differencesOfAnomalies(
      partition.answer,
      anomalies.filter((found) => found.partition === partition.partition),
    ),
  ];
}

/** What windows held before a run is kept until the next one begins. */
function mustBeLatest({ superseded }: { readonly superseded: boolean }): void {
  if (superseded) throw notVerifiable('a later run has begun');
}

/** What others have written since the run began cannot be told from what the run has. */
function mustBeLast({ partitions }: WholeKey, standings: ReadonlyMap<number, Standing>, ends: Ends): void {
  for (const { partition, incarnation, endOffset } of partitions) {
    const standing = standings.get(partition);
    if (standing?.incarnation !== incarnation)
      throw notVerifiable(`partition ${partition} has another log now`);
    const end = ends.get(partition) ?? 0n;
    if (standing.nextOffset !== endOffset || end !== endOffset)
      throw notVerifiable(
        `partition ${partition} must end at offset ${endOffset}, but ends at ${end}: others have written to it since the run began`,
      );
  }
  if (ends.size !== partitions.length) throw notVerifiable('the topic has other partitions now');
}

const isWhole = (partition: KeyedPartition): partition is WholePartition =>
  partition.endOffset !== null && partition.answer !== null;

const notVerifiable = (reason: string): ProblemError =>
  new ProblemError('run_not_verifiable', `This run cannot be compared: ${reason}.`);
