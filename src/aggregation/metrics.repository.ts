import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { timestampLiteral } from '../database/instant.js';
import type { WindowDelta } from './core/window-deltas.js';

/** The write side of `real_time_metrics`. */
@Injectable()
export class MetricsRepository {
  /**
   * Adds deltas to their windows, each (metric type, key, window) at most once in a call. Additive, so replicas may
   * work on the same window; rows are locked in key order, so they do not deadlock.
   * @param table another one that has the columns of `real_time_metrics`
   */
  async add(
    transaction: EntityManager,
    deltas: Iterable<WindowDelta>,
    table = 'real_time_metrics',
  ): Promise<void> {
    const rows = [...deltas];
    if (rows.length === 0) return;
    await transaction.query(
      `INSERT INTO ${table} AS stored
         (metric_type, metric_key, window_start, window_end, event_count, late_events, sum_micros, metric_value)
       SELECT metric_type, metric_key, window_start, window_end, event_count, late_events, sum_micros,
              metric_value_of(metric_type, metric_key, event_count, sum_micros)
         FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::numeric[])
              AS delta(metric_type, metric_key, window_start, window_end, event_count, late_events, sum_micros)
        ORDER BY metric_type COLLATE "C", metric_key COLLATE "C", window_start
       ON CONFLICT (metric_type, metric_key, window_start) DO UPDATE SET
         event_count = stored.event_count + excluded.event_count,
         late_events = stored.late_events + excluded.late_events,
         sum_micros = stored.sum_micros + excluded.sum_micros,
         metric_value = metric_value_of(stored.metric_type, stored.metric_key,
           stored.event_count + excluded.event_count, stored.sum_micros + excluded.sum_micros),
         updated_at = now()`,
      [
        rows.map((row) => row.metricType),
        rows.map((row) => row.metricKey),
        rows.map((row) => timestampLiteral(row.windowStart * 1000)),
        rows.map((row) => timestampLiteral(row.windowEnd * 1000)),
        rows.map((row) => row.eventCount),
        rows.map((row) => row.lateEvents),
        rows.map((row) => String(row.sumMicros)),
      ],
    );
  }
}
