import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { BatchStateQueries, type BatchState } from '../daily-stats/batch/batch-state.queries.js';
import { Flusher } from '../ingestion/flusher.js';
import { registerBatchMetrics } from './batch-metrics.js';
import { HealthService } from './health.service.js';
import { registerPipelineMetrics } from './pipeline-metrics.js';
import { PipelineQueries, type PipelineState } from './pipeline.queries.js';
import { withTimeout } from '../database/with-timeout.js';

const SCRAPE_TIMEOUT_MS = 2_000;

/**
 * Metrics for Prometheus. Those of the pipeline and of the batch are read from the database at each scrape, so every
 * replica gives the same for the whole pipeline: take their `max`, not their `sum`.
 */
@Injectable()
export class PrometheusService {
  private readonly process = new Registry();

  constructor(
    private readonly pipeline: PipelineQueries,
    private readonly batch: BatchStateQueries,
    private readonly health: HealthService,
    { totals }: Flusher,
  ) {
    collectDefaultMetrics({ register: this.process });
    this.count(
      'telecom_records_taken_total',
      'Records that this process has taken in, also those that it had to read again.',
      () => totals.taken,
    );
    this.count(
      'telecom_fenced_flushes_total',
      'Flushes of this process that stored nothing of a partition, because another replica had claimed it.',
      () => totals.fenced,
    );
    this.count(
      'telecom_event_ids_forgotten_early_total',
      'Event ids that this process has forgotten within DEDUPLICATION_WINDOW, as there were more than DEDUPLICATION_MAX_IDS.',
      () => totals.idsForgotten,
    );
  }

  get contentType(): string {
    return this.process.contentType;
  }

  /** The text exposition. Without the database, it is `telecom_up` and the metrics of the process. */
  async scrape(): Promise<string> {
    const { database, transport } = await this.health.checks();
    // A registry of its own for each scrape: no value of a partition that is gone, or of an hour ago, is left over.
    const registry = new Registry();
    const state = database.status === 'up' ? await this.state() : null;
    const up = new Gauge({
      name: 'telecom_up',
      help: '1 while the component can be reached.',
      labelNames: ['component'],
      registers: [registry],
    });
    up.set({ component: 'database' }, state ? 1 : 0);
    up.set({ component: 'transport' }, transport.status === 'up' ? 1 : 0);
    if (state) {
      registerPipelineMetrics(registry, state.pipeline);
      registerBatchMetrics(registry, state.batch);
    }
    return `${await registry.metrics()}\n${await this.process.metrics()}`;
  }

  private count(name: string, help: string, total: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [this.process],
      collect: () => {
        counter.reset();
        counter.inc(total());
      },
    });
  }

  private async state(): Promise<{ pipeline: PipelineState; batch: BatchState } | null> {
    try {
      const [pipeline, batch] = await withTimeout(
        Promise.all([this.pipeline.state(), this.batch.state()]),
        SCRAPE_TIMEOUT_MS,
      );
      return { pipeline, batch };
    } catch {
      return null;
    }
  }
}
