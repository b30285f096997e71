import { Gauge, type Registry } from 'prom-client';
import type { BatchState } from '../daily-stats/batch/batch-state.queries.js';

/** Puts the state of the daily batch into a new registry. */
export function registerBatchMetrics(registry: Registry, state: BatchState): void {
  const gauge = (name: string, help: string, value: number): void => {
    new Gauge({ name, help, registers: [registry] }).set(value);
  };
  gauge(
    'telecom_batch_missing_days',
    'Days without daily stats that should have them: not there by 02:00 UTC, or failed for good.',
    state.missingDates.length,
  );
  gauge(
    'telecom_batch_failed_days',
    'Days, missing or stale, that have failed for good.',
    state.failedDates.length,
  );
  gauge('telecom_batch_stale_days', 'Days that have changed after they were built.', state.staleDates.length);
  gauge('telecom_batch_paused', '1 while the batch is paused.', state.paused ? 1 : 0);
  const runs = new Gauge({
    name: 'telecom_batch_open_runs',
    help: 'Runs of the batch that are not ended.',
    labelNames: ['status'],
    registers: [registry],
  });
  runs.set({ status: 'waiting' }, state.waitingRuns);
  runs.set({ status: 'running' }, state.runningRuns);
  if (state.lastSuccessAt)
    gauge(
      'telecom_batch_last_success_timestamp_seconds',
      'When a day was last built, Unix time.',
      state.lastSuccessAt.getTime() / 1000,
    );
}
