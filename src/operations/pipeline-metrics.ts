import { Counter, Gauge, type Registry } from 'prom-client';
import { imbalanceOf } from '../ingestion/core/ledger.js';
import type { PipelineState } from './pipeline.queries.js';

/** Puts the state of the pipeline into a new registry. */
export function registerPipelineMetrics(registry: Registry, state: PipelineState): void {
  const registers = [registry];
  const labelNames = ['topic', 'partition'] as const;
  const perPartition = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
  const single = (name: string, help: string, value: number | null) => {
    // Nothing rather than a 0 that looks like a value.
    if (value !== null) new Gauge({ name, help, registers }).set(value);
  };

  const events = new Counter({
    name: 'telecom_events_total',
    help: 'Events of the log by what became of them; `consumed` is the sum of the others.',
    labelNames: [...labelNames, 'outcome'] as const,
    registers,
  });
  const imbalance = perPartition(
    'telecom_ledger_imbalance',
    'Consumed events that no outcome accounts for. Anything but 0 is a bug.',
  );
  const position = perPartition('telecom_position_offset', 'Offset of the next record.');
  const lag = perPartition('telecom_lag_records', 'Records of the log that are still to be read.');
  const eventTime = perPartition(
    'telecom_event_time_watermark_seconds',
    'Event-time watermark of the partition, Unix time.',
  );
  const halted = perPartition('telecom_partition_halted', '1 while the partition waits for an operator.');

  const replays = new Counter({
    name: 'telecom_replays_total',
    help: 'What was done with anomalies: replays that counted, replays that were rejected, discards.',
    labelNames: [...labelNames, 'outcome'] as const,
    registers,
  });
  const recentRatio = perPartition(
    'telecom_recent_anomaly_ratio',
    'Share of the invalid among the last 10,000 events of the partition.',
  );
  const alert = new Gauge({
    name: 'telecom_anomaly_alert',
    help: '1 while that share is above ANOMALY_ALERT_RATIO, with the most frequent reason.',
    labelNames: [...labelNames, 'reason'] as const,
    registers,
  });

  for (const { topic, partition, ledger, ...row } of state.partitions) {
    const labels = { topic, partition: String(partition) };
    for (const [outcome, count] of Object.entries(ledger)) {
      events.inc({ ...labels, outcome: OUTCOMES[outcome as keyof typeof ledger] }, count);
    }
    imbalance.set(labels, imbalanceOf(ledger));
    position.set(labels, Number(row.position));
    if (row.lag !== null) lag.set(labels, row.lag);
    const eventTimeSeconds = seconds(row.eventTimeWatermark);
    if (eventTimeSeconds !== null) eventTime.set(labels, eventTimeSeconds);
    for (const [outcome, count] of Object.entries(row.replays)) replays.inc({ ...labels, outcome }, count);
    if (row.recentEvents) {
      recentRatio.set(labels, row.recentEvents.ratio);
      if (row.recentEvents.alert) alert.set({ ...labels, reason: row.recentEvents.leadingReason ?? '' }, 1);
    }
    halted.set(labels, row.status === 'halted' ? 1 : 0);
  }

  single('telecom_watermark_seconds', 'Pipeline watermark, Unix time.', seconds(state.watermark));
  single('telecom_events_per_second', 'Events consumed per second, by all replicas.', state.eventsPerSecond);
  single('telecom_open_windows', 'Windows, by key, that are not final yet.', state.openWindows);
  single(
    'telecom_last_flush_timestamp_seconds',
    'When a checkpoint was last stored, Unix time.',
    seconds(state.lastFlushAt),
  );
  single('telecom_last_flush_milliseconds', 'How long the last checkpoint took.', state.lastFlushMs);
}

const OUTCOMES = {
  consumed: 'consumed',
  counted: 'counted',
  lateCounted: 'late_counted',
  anomalies: 'anomaly',
  duplicates: 'duplicate',
  skipped: 'skipped',
} as const;

const seconds = (instant: string | null): number | null =>
  instant === null ? null : Date.parse(instant) / 1000;
