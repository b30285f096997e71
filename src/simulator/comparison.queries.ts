import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { KeyedPartition } from './answer-keys.repository.js';
import type { ComparedWindow } from './core/differences.js';
import { inSnapshot, isSuperseded, METRIC_VALUE, standingsOf, type Standing } from './standings.js';

/** What the database holds at one moment. */
export interface Snapshot {
  readonly standings: ReadonlyMap<number, Standing>;
  readonly windows: ComparedWindows;
  readonly anomalies: readonly FoundAnomalies[];
  /** Whether a newer run has begun, with which goes what is known of the windows before this one. */
  readonly superseded: boolean;
}

export interface ComparedWindows {
  readonly compared: number;
  readonly differing: number;
  /** Not more than were asked for. */
  readonly differences: readonly ComparedWindow[];
}

/** Anomalies of a run's records. */
export interface FoundAnomalies {
  readonly partition: number;
  readonly reason: string;
  readonly count: number;
}

interface ComparedRow {
  compared: string;
  differing: string;
  /** Null in the one row of a comparison without differences. */
  metric_type: string | null;
  metric_key: string;
  window_start: Date;
  expected_count: string;
  expected_late: string;
  expected_sum: string;
  expected_value: number;
  actual_count: string;
  actual_late: string;
  actual_sum: string;
  actual_value: number;
}

/** What the pipeline has made of a run, beside what it must have made. */
@Injectable()
export class ComparisonQueries {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  standings(topic: string): Promise<ReadonlyMap<number, Standing>> {
    return standingsOf(topic, this.database.manager);
  }

  /** @param limit of the windows that are listed */
  compare(
    runId: string,
    topic: string,
    partitions: readonly KeyedPartition[],
    limit: number,
  ): Promise<Snapshot> {
    return inSnapshot(this.database, async (snapshot) => ({
      standings: await standingsOf(topic, snapshot),
      windows: await compareWindows(snapshot, runId, limit),
      anomalies: await countAnomalies(snapshot, topic, partitions),
      superseded: await isSuperseded(runId, snapshot),
    }));
  }
}

async function compareWindows(
  snapshot: EntityManager,
  runId: string,
  limit: number,
): Promise<ComparedWindows> {
  const rows: ComparedRow[] = await snapshot.query(COMPARED_WINDOWS, [runId, limit]);
  const [first] = rows;
  return {
    compared: Number(first?.compared ?? 0),
    differing: Number(first?.differing ?? 0),
    differences: rows.flatMap((row) => (row.metric_type === null ? [] : [toWindow(row, row.metric_type)])),
  };
}

const toWindow = (row: ComparedRow, metricType: string): ComparedWindow => ({
  metricType,
  metricKey: row.metric_key,
  windowStart: row.window_start,
  expected: {
    eventCount: Number(row.expected_count),
    lateEvents: Number(row.expected_late),
    sumMicros: BigInt(row.expected_sum),
  },
  actual: {
    eventCount: Number(row.actual_count),
    lateEvents: Number(row.actual_late),
    sumMicros: BigInt(row.actual_sum),
  },
  expectedValue: row.expected_value,
  actualValue: row.actual_value,
});

/** By partition and reason. */
const countAnomalies = (
  snapshot: EntityManager,
  topic: string,
  partitions: readonly KeyedPartition[],
): Promise<FoundAnomalies[]> =>
  snapshot.query(
    `SELECT anomalies.partition, reason, count(*)::integer AS count
       FROM unnest($2::integer[], $3::integer[], $4::bigint[], $5::bigint[]) AS run(partition, incarnation, first, "end")
       JOIN anomalies ON topic = $1 AND anomalies.partition = run.partition AND anomalies.incarnation = run.incarnation
            AND "offset" >= run.first AND "offset" < run."end"
      GROUP BY 1, 2`,
    [
      topic,
      partitions.map(({ partition }) => partition),
      partitions.map(({ incarnation }) => incarnation),
      partitions.map(({ firstOffset }) => String(firstOffset)),
      partitions.map(({ endOffset }) => String(endOffset)),
    ],
  );

/** Windows as they must be, from the baseline and the run, beside those that there are; differences relative to the baseline. */
const COMPARED_WINDOWS = `
  WITH actual AS (
    SELECT metric_type, metric_key, window_start, event_count, late_events, sum_micros, metric_value
      FROM real_time_metrics WHERE window_start >= (SELECT earliest FROM simulator_runs WHERE id = $1)
  ), held AS (
    SELECT metric_type, metric_key, window_start, sum(event_count)::bigint AS event_count,
           sum(late_events)::bigint AS late_events, sum(sum_micros) AS sum_micros
      FROM (SELECT * FROM simulator_run_baseline WHERE run_id = $1
            UNION ALL SELECT * FROM simulator_run_windows WHERE run_id = $1) AS parts
     GROUP BY metric_type, metric_key, window_start
  ), compared AS (
    SELECT metric_type, metric_key, window_start,
           coalesce(expected_held.event_count, 0) AS held_count, coalesce(actual.event_count, 0) AS actual_count,
           coalesce(expected_held.late_events, 0) AS held_late, coalesce(actual.late_events, 0) AS actual_late,
           coalesce(expected_held.sum_micros, 0) AS held_sum, coalesce(actual.sum_micros, 0) AS actual_sum,
           coalesce(expected_held.value, 0) AS expected_value, coalesce(actual.metric_value, 0) AS actual_value
      FROM actual FULL JOIN (SELECT *, ${METRIC_VALUE} AS value FROM held) AS expected_held USING (metric_type, metric_key, window_start)
  ), differing AS (
    SELECT * FROM compared
     WHERE held_count <> actual_count OR held_late <> actual_late OR held_sum <> actual_sum
        OR abs(expected_value - actual_value) > 1e-9 * greatest(1, abs(expected_value))
  )
  SELECT (SELECT count(*) FROM compared) AS compared, (SELECT count(*) FROM differing) AS differing, listed.*
    FROM (SELECT) AS always LEFT JOIN (
      SELECT metric_type, metric_key, window_start,
             held_count - coalesce(base.event_count, 0) AS expected_count, actual_count - coalesce(base.event_count, 0) AS actual_count,
             held_late - coalesce(base.late_events, 0) AS expected_late, actual_late - coalesce(base.late_events, 0) AS actual_late,
             held_sum - coalesce(base.sum_micros, 0) AS expected_sum, actual_sum - coalesce(base.sum_micros, 0) AS actual_sum,
             expected_value, actual_value
        FROM differing LEFT JOIN (SELECT * FROM simulator_run_baseline WHERE run_id = $1) AS base
             USING (metric_type, metric_key, window_start)
       ORDER BY window_start, metric_type, metric_key LIMIT $2
    ) AS listed ON true`;
