import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AnomalyStatus } from '../anomalies/anomalies.schemas.js';
import { keepRebuildsAway } from '../aggregation/rebuild-lock.js';
import { timestampLiteral } from '../database/instant.js';

/** An anomaly that this transaction has to itself. */
export interface LockedAnomaly {
  readonly id: string;
  readonly status: AnomalyStatus;
  readonly raw: Buffer | null;
  /** When its record was written, epoch milliseconds; when it was set aside, where the record does not say. */
  readonly recordTimestamp: number;
  readonly topic: string;
  readonly partition: number;
}

/** One thing that was done to an anomaly. */
export interface AnomalyAct {
  readonly anomaly: LockedAnomaly;
  readonly action: 'replay' | 'discard';
  /** `applied`, `discarded`, or the reason why the event was rejected again. */
  readonly outcome: string;
  readonly detail: string | null;
  readonly status: AnomalyStatus;
  /** What was counted: epoch microseconds of the event, and its bytes when they are not the record's own. */
  readonly applied: { readonly eventTime: number; readonly event: Buffer | null } | null;
}

interface LockedRow {
  id: string;
  status: AnomalyStatus;
  raw: Buffer | null;
  record_timestamp: Date;
  topic: string;
  partition: number;
}

const SELECT = `
  SELECT id, status, raw, coalesce(record_timestamp, created_at) AS record_timestamp, topic, partition
    FROM anomalies WHERE id = ANY($1::bigint[]) ORDER BY id`;

/** The write side of what happens to anomalies after they were set aside. */
@Injectable()
export class AnomalyStatesRepository {
  /** Waits for whoever else has one of them; what that one did is seen then. Unknown ids are left out. */
  async lock(transaction: EntityManager, ids: readonly string[]): Promise<LockedAnomaly[]> {
    await keepRebuildsAway(transaction);
    return this.select(transaction, `${SELECT} FOR UPDATE`, ids);
  }

  /** As they are, for a look. */
  async read(transaction: EntityManager, ids: readonly string[]): Promise<LockedAnomaly[]> {
    return this.select(transaction, SELECT, ids);
  }

  /** Stores what was done to locked anomalies: their state, their history and the counters. */
  async record(transaction: EntityManager, actor: string, acts: readonly AnomalyAct[]): Promise<void> {
    if (acts.length === 0) return;
    await transaction.query(
      `WITH act AS (
         SELECT * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bytea[])
           AS act(id, action, outcome, detail, status, event_time, event)
       ), updated AS (
         UPDATE anomalies AS stored SET status = act.status, updated_at = now(),
                attempts = stored.attempts + CASE act.action WHEN 'replay' THEN 1 ELSE 0 END,
                applied_event_time = act.event_time, applied_event = act.event
           FROM act WHERE stored.id = act.id
         RETURNING stored.topic, stored.partition, act.action, act.status
       ), counted AS (
         INSERT INTO replay_counters AS stored (topic, partition, applied, rejected, discarded)
         SELECT topic, partition, count(*) FILTER (WHERE status = 'replayed'), count(*) FILTER (WHERE status = 'new'),
                count(*) FILTER (WHERE status = 'discarded')
           FROM updated GROUP BY topic, partition ORDER BY topic, partition
         ON CONFLICT (topic, partition) DO UPDATE SET applied = stored.applied + excluded.applied,
           rejected = stored.rejected + excluded.rejected, discarded = stored.discarded + excluded.discarded
       )
       INSERT INTO anomaly_history (anomaly_id, actor, action, outcome, detail)
       SELECT id, $1, action, outcome, detail FROM act ORDER BY id`,
      [
        actor,
        acts.map(({ anomaly }) => anomaly.id),
        acts.map(({ action }) => action),
        acts.map(({ outcome }) => outcome),
        acts.map(({ detail }) => detail),
        acts.map(({ status }) => status),
        acts.map(({ applied }) => applied && timestampLiteral(applied.eventTime)),
        acts.map(({ applied }) => applied?.event ?? null),
      ],
    );
  }

  private async select(
    transaction: EntityManager,
    sql: string,
    ids: readonly string[],
  ): Promise<LockedAnomaly[]> {
    const rows: LockedRow[] = await transaction.query(sql, [ids]);
    return rows.map(({ record_timestamp, ...row }) => ({
      ...row,
      recordTimestamp: record_timestamp.getTime(),
    }));
  }
}
