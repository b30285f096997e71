import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { WindowDeltas } from '../aggregation/core/window-deltas.js';
import { inTransaction } from '../database/transaction.js';
import { AnomalyStatesRepository, type AnomalyAct, type LockedAnomaly } from './anomaly-states.repository.js';
import { FirstWindows } from './core/first-windows.js';
import { CANARY, canaryFails, chunkSize } from './core/pace.js';
import { patchedEvent } from './core/patched-event.js';
import { ReplayChunk, type ReplayItem } from './replay-chunk.js';
import {
  MAX_CHANGES,
  ReplayJobsRepository,
  type LockedReplay,
  type Progress,
} from './replay-jobs.repository.js';

/** Anomalies that a dry run looks at in one go. */
const PREVIEW_CHUNK = 1000;

/** Takes jobs on, a chunk at a time: whichever replica comes first, and after a crash from the last chunk that was stored. */
@Injectable()
export class ReplayRunner {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly jobs: ReplayJobsRepository,
    private readonly states: AnomalyStatesRepository,
    private readonly chunk: ReplayChunk,
  ) {}

  /** Applies the next chunk: its anomalies and the job's cursor move in one transaction. @returns false when there was none */
  async applyChunk(id: string): Promise<boolean> {
    return inTransaction(this.database, async (transaction) => {
      const job = await this.jobs.lock(transaction, id);
      if (!job) return false;
      const done = job.applied + job.rejected;
      if (canaryFails(job.applied, done) && !job.force) {
        await this.jobs.end(transaction, id, 'failed', canaryError(job));
        return true;
      }
      const ids = await this.jobs.next(transaction, job, job.cursorId, chunkSize(done, job.ratePerSecond));
      const last = ids.at(-1);
      if (last === undefined) {
        await this.jobs.end(transaction, id, 'succeeded', null);
        return true;
      }
      // Whatever somebody else has replayed or discarded meanwhile is theirs.
      const anomalies = (await this.states.lock(transaction, ids)).filter(({ status }) => status === 'new');
      const windows = new WindowDeltas();
      const acts = await this.chunk.apply(transaction, itemsOf(anomalies, job), `replay ${id}`, windows);
      await this.jobs.noteChanges(transaction, id, [...windows]);
      const waitMs = job.ratePerSecond === 0 ? 0 : (acts.length / job.ratePerSecond) * 1000;
      await this.jobs.advance(transaction, id, progressOf(last, acts), waitMs);
      return true;
    });
  }

  /** Does a whole dry run, and stores nothing but what it has found. @returns false when there was nothing to do */
  async preview(id: string): Promise<boolean> {
    return inTransaction(this.database, async (transaction) => {
      const job = await this.jobs.lockPreview(transaction, id);
      if (!job) return false;
      const changes = new FirstWindows(MAX_CHANGES);
      let progress: Progress = { cursorId: job.cursorId, applied: 0, rejected: 0, byReason: {} };
      while (await this.jobs.isOpen(transaction, id)) {
        const ids = await this.jobs.next(transaction, job, progress.cursorId, PREVIEW_CHUNK);
        const last = ids.at(-1);
        if (last === undefined) {
          await this.jobs.notePreview(transaction, id, changes.list());
          await this.jobs.advance(transaction, id, progress, 0);
          await this.jobs.end(transaction, id, 'succeeded', null);
          break;
        }
        const windows = new WindowDeltas();
        const acts = this.chunk.judge(itemsOf(await this.states.read(transaction, ids), job), windows);
        for (const delta of windows) changes.add(delta);
        progress = plus(progress, progressOf(last, acts));
      }
      return true;
    });
  }
}

const itemsOf = (anomalies: readonly LockedAnomaly[], { patch }: LockedReplay): ReplayItem[] =>
  anomalies.map((anomaly) => ({ anomaly, correction: patch && patchedEvent(anomaly.raw, patch) }));

function progressOf(cursorId: string, acts: readonly AnomalyAct[]): Progress {
  const byReason: Record<string, number> = {};
  for (const { applied, outcome } of acts) if (!applied) byReason[outcome] = (byReason[outcome] ?? 0) + 1;
  const applied = acts.filter((act) => act.applied).length;
  return { cursorId, applied, rejected: acts.length - applied, byReason };
}

function plus(a: Progress, b: Progress): Progress {
  const byReason = { ...a.byReason };
  for (const [reason, count] of Object.entries(b.byReason))
    byReason[reason] = (byReason[reason] ?? 0) + count;
  return {
    cursorId: b.cursorId,
    applied: a.applied + b.applied,
    rejected: a.rejected + b.rejected,
    byReason,
  };
}

const canaryError = ({ applied }: LockedReplay): string =>
  `Only ${applied} of the first ${CANARY} would count, see byReason: nothing more was tried. Mend the patch or the filter, or set force.`;
