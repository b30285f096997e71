import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { timestampLiteral } from '../database/instant.js';
import { inTransaction } from '../database/transaction.js';
import type { KeyedWindow, PartitionAnswer, WindowAnswer } from './core/answer-key.js';
import { totalsOf, type LedgerCounts } from './core/expected-ledger.js';
import type { Ends } from './core/log-end.js';
import type { RunRules } from './core/run-rules.js';
import type { RunResult } from './simulator-run.js';
import type { RunParameters } from './simulator.schemas.js';
import { inSnapshot, isSuperseded, LEDGER, standingsOf } from './standings.js';

/** Runs whose answers are kept. */
const KEPT_RUNS = 20;

/** A run as its answer sees it. */
export interface KeyedRun {
  readonly id: string;
  readonly topic: string;
  readonly rules: RunRules;
  /** Epoch milliseconds. */
  readonly earliest: number;
}

/** How a partition stood when the run began, and what the run has brought. */
export interface KeyedPartition {
  readonly partition: number;
  readonly incarnation: number;
  readonly firstOffset: bigint;
  /** Epoch microseconds; null before the first event that counted. */
  readonly newestEventTime: number | null;
  /** Null until the run has ended. */
  readonly endOffset: bigint | null;
  readonly ledgerBefore: LedgerCounts;
  readonly answer: PartitionAnswer | null;
}

export interface StoredKey {
  readonly seed: number;
  readonly parameters: RunParameters;
  /** Events that were known to be in the log when the run was last stored. */
  readonly sent: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly rules: RunRules | null;
  readonly notVerifiable: string | null;
  /** Whether a later run has noted what the windows held when it began. */
  readonly superseded: boolean;
  readonly topic: string | null;
  readonly partitions: readonly KeyedPartition[];
}

/** The answers of runs, and what they are compared with. */
@Injectable()
export class AnswerKeysRepository {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /**
   * Notes what the windows hold before the run.
   * @param ends where the log ends
   * @returns the newest accepted event time of each partition, in epoch microseconds, or why it cannot be told yet
   */
  async begin(run: KeyedRun, ends: Ends): Promise<{ newest: (number | null)[] } | { behind: string }> {
    return inSnapshot(this.database, async (snapshot) => {
      const standings = await standingsOf(run.topic, snapshot);
      const newest: (number | null)[] = [];
      for (const [partition, end] of ends) {
        const standing = standings.get(partition);
        if (!standing) return { behind: `the pipeline had not begun with partition ${partition}` };
        const { nextOffset, newestEventTime } = standing;
        if (nextOffset !== end)
          return {
            behind: `the pipeline stood at offset ${nextOffset} of partition ${partition}, whose log ended at ${end}`,
          };
        newest[partition] = newestEventTime;
      }
      await this.noteBaseline(snapshot, run, [...ends.keys()]);
      return { newest };
    });
  }

  /** Stores the result of a run that has ended; again is the same as once. */
  async finish(runId: string, result: RunResult): Promise<void> {
    await inTransaction(this.database, async (transaction) => {
      // Of a run that has died the last state is older.
      const sent = 'doubt' in result ? 0 : totalsOf(result.answer.partitions).sent;
      await transaction.query(
        `UPDATE simulator_runs SET not_verifiable = $2, sent = greatest(sent, $3) WHERE id = $1`,
        [runId, 'doubt' in result ? result.doubt : null, sent],
      );
      if ('doubt' in result) return;
      const { answer, ends } = result;
      await transaction.query(
        `UPDATE simulator_run_partitions AS stored SET end_offset = ended."end", answer = ended.answer
           FROM unnest($2::integer[], $3::bigint[], $4::jsonb[]) AS ended(partition, "end", answer)
          WHERE stored.run_id = $1 AND stored.partition = ended.partition`,
        [
          runId,
          answer.partitions.map(({ partition }) => partition),
          answer.partitions.map(({ partition }) => String(ends.get(partition) ?? 0n)),
          answer.partitions.map((each) => JSON.stringify(each)),
        ],
      );
      await storeWindows(transaction, runId, answer.windows);
    });
  }

  /** @returns null when there is no such run */
  async one(runId: string): Promise<StoredKey | null> {
    const [run]: RunRow[] = await this.database.query(
      `SELECT seed, parameters, sent, started_at, rules, not_verifiable FROM simulator_runs WHERE id = $1`,
      [runId],
    );
    if (!run) return null;
    const rows: PartitionRow[] = await this.database.query(
      `SELECT *, (extract(epoch FROM newest_event_time) * 1000000)::bigint AS newest_micros
         FROM simulator_run_partitions WHERE run_id = $1 ORDER BY partition`,
      [runId],
    );
    return {
      seed: Number(run.seed),
      sent: Number(run.sent),
      parameters: run.parameters,
      startedAt: run.started_at.getTime(),
      rules: run.rules,
      notVerifiable: run.not_verifiable,
      superseded: await isSuperseded(runId, this.database.manager),
      topic: rows[0]?.topic ?? null,
      partitions: rows.map((row) => ({
        partition: row.partition,
        incarnation: row.incarnation,
        firstOffset: BigInt(row.first_offset),
        newestEventTime: row.newest_micros === null ? null : Number(row.newest_micros),
        endOffset: row.end_offset === null ? null : BigInt(row.end_offset),
        ledgerBefore: row.ledger_before,
        answer: row.answer,
      })),
    };
  }

  /** What the run must have added to windows, in no order. */
  async windows(runId: string): Promise<KeyedWindow[]> {
    const rows: WindowRow[] = await this.database.query(
      `SELECT * FROM simulator_run_windows WHERE run_id = $1`,
      [runId],
    );
    return rows.map((row) => ({
      metricType: row.metric_type,
      metricKey: row.metric_key,
      windowStart: row.window_start.getTime(),
      eventCount: Number(row.event_count),
      lateEvents: Number(row.late_events),
      sumMicros: BigInt(row.sum_micros),
    }));
  }

  private async noteBaseline(
    snapshot: EntityManager,
    { id, topic, rules, earliest }: KeyedRun,
    partitions: readonly number[],
  ): Promise<void> {
    const since = timestampLiteral(earliest * 1000);
    await snapshot.query(
      `UPDATE simulator_runs SET rules = $2, earliest = $3, not_verifiable = NULL WHERE id = $1`,
      [id, JSON.stringify(rules), since],
    );
    // An earlier attempt may have been committed although its answer was lost.
    for (const table of ['simulator_run_partitions', 'simulator_run_baseline'])
      await snapshot.query(`DELETE FROM ${table} WHERE run_id = $1`, [id]);
    await snapshot.query(
      `INSERT INTO simulator_run_partitions
         (run_id, topic, partition, incarnation, first_offset, newest_event_time, ledger_before)
       SELECT $1, topic, partition, incarnation, next_offset, newest_event_time, ${LEDGER}
         FROM ingest_partitions WHERE topic = $2 AND partition = ANY($3)`,
      [id, topic, partitions],
    );
    await snapshot.query(
      `INSERT INTO simulator_run_baseline
       SELECT $1, metric_type, metric_key, window_start, event_count, late_events, sum_micros
         FROM real_time_metrics WHERE window_start >= $2`,
      [id, since],
    );
    // What earlier runs have added cannot be told any more from what this one will add.
    await snapshot.query(`DELETE FROM simulator_run_baseline WHERE run_id < $1`, [id]);
    for (const table of ['simulator_run_windows', 'simulator_run_partitions'])
      await snapshot.query(
        `DELETE FROM ${table} WHERE run_id <= (SELECT id FROM simulator_runs ORDER BY id DESC OFFSET $1 LIMIT 1)`,
        [KEPT_RUNS],
      );
  }
}

async function storeWindows(
  transaction: EntityManager,
  runId: string,
  windows: readonly WindowAnswer[],
): Promise<void> {
  await transaction.query(
    `INSERT INTO simulator_run_windows (run_id, metric_type, metric_key, window_start, event_count, late_events, sum_micros)
     SELECT $1, * FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::numeric[])
     ON CONFLICT DO NOTHING`,
    [
      runId,
      windows.map(({ metricType }) => metricType),
      windows.map(({ metricKey }) => metricKey),
      windows.map(({ windowStart }) => timestampLiteral(windowStart * 1000)),
      windows.map(({ eventCount }) => eventCount),
      windows.map(({ lateEvents }) => lateEvents),
      windows.map(({ sumMicros }) => String(sumMicros)),
    ],
  );
}

interface RunRow {
  seed: string;
  sent: string;
  parameters: RunParameters;
  started_at: Date;
  rules: RunRules | null;
  not_verifiable: string | null;
}

interface PartitionRow {
  topic: string;
  partition: number;
  incarnation: number;
  first_offset: string;
  newest_micros: string | null;
  end_offset: string | null;
  ledger_before: LedgerCounts;
  answer: PartitionAnswer | null;
}

interface WindowRow {
  metric_type: string;
  metric_key: string;
  window_start: Date;
  event_count: string;
  late_events: string;
  sum_micros: string;
}
