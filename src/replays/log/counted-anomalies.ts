import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { WindowDeltas, type WindowDelta } from '../../aggregation/core/window-deltas.js';
import type { Rejection } from '../../ingestion/core/event.js';
import { judgeContent } from '../../ingestion/core/judge.js';
import { AnomalyStatesRepository } from '../anomaly-states.repository.js';
import { amend } from '../core/amendment.js';
import type { RebuildRange } from '../core/rebuild-range.js';
import { ReplayChunk } from '../replay-chunk.js';
import { RebuildInputsRepository, type CountedAnomaly } from './rebuild-inputs.repository.js';
import { RebuildRepository } from './rebuild.repository.js';

/** Anomalies of one step. */
const CHUNK = 500;

/** An anomaly that counts is rejected by rules that are newer than its replay. */
export class ReplayedEventError extends Error {
  constructor(id: string, { reason, detail }: Rejection) {
    super(`Anomaly ${id} was replayed, but is ${reason} by the rules of today: ${detail}`);
    this.name = 'ReplayedEventError';
  }
}

/** The part of windows that does not come from the log: what was set aside, and counts all the same. */
@Injectable()
export class CountedAnomalies {
  constructor(
    private readonly inputs: RebuildInputsRepository,
    private readonly repository: RebuildRepository,
    private readonly states: AnomalyStatesRepository,
    private readonly chunk: ReplayChunk,
  ) {}

  /** Adds what was replayed and is not added yet, in the form in which it was counted. */
  async addReplayed(connection: EntityManager, range: RebuildRange): Promise<void> {
    let last: CountedAnomaly | undefined;
    do {
      const page = await this.inputs.countedAnomalies(connection, range, last, CHUNK);
      const windows = new WindowDeltas();
      for (const { id, event } of page) {
        const verdict = judgeContent(event, Infinity);
        // It was accepted once; to leave it out in silence would lose it.
        if (verdict.reason !== null) throw new ReplayedEventError(id, verdict);
        amend(verdict, windows);
      }
      const counted = page.map(({ id }) => id);
      await this.repository.add(connection, { windows: inside(windows, range), counted });
      last = page.at(-1);
    } while (last);
  }

  /**
   * Adds the anomalies of status `new` whose records pass by now, and marks them replayed.
   * @param actor null for a dry run, which marks none
   * @returns what they add to windows outside of the range, each window at most once in a list
   */
  async addPassing(
    connection: EntityManager,
    range: RebuildRange,
    actor: string | null,
  ): Promise<WindowDelta[][]> {
    const outside: WindowDelta[][] = [];
    for (;;) {
      const ids = await this.repository.nextPassing(connection, CHUNK);
      if (ids.length === 0) return outside;
      const read = actor === null ? this.states.read(connection, ids) : this.states.lock(connection, ids);
      // Whatever somebody has replayed or discarded meanwhile counts by that.
      const anomalies = (await read).filter(({ status }) => status === 'new');
      const windows = new WindowDeltas();
      const acts = this.chunk.judge(
        anomalies.map((anomaly) => ({ anomaly, correction: null })),
        windows,
      );
      if (actor !== null) await this.states.record(connection, actor, acts);
      await this.repository.add(connection, { windows: inside(windows, range) });
      outside.push([...windows].filter((window) => !range.holds(window)));
    }
  }
}

const inside = (windows: WindowDeltas, range: RebuildRange): WindowDelta[] =>
  [...windows].filter((window) => range.holds(window));
