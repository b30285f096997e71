import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { HealthService } from './health.service.js';
import { registerPipelineMetrics } from './pipeline-metrics.js';
import { PipelineQueries, type PipelineState } from './pipeline.queries.js';
import { withTimeout } from './with-timeout.js';

const SCRAPE_TIMEOUT_MS = 2_000;

/**
 * Metrics for Prometheus. Those of the pipeline are read from the checkpoints at each scrape, so every replica gives
 * the same for the whole pipeline: take their `max`, not their `sum`.
 */
@Injectable()
export class PrometheusService {
  private readonly process = new Registry();

  constructor(
    private readonly pipeline: PipelineQueries,
    private readonly health: HealthService,
  ) {
    collectDefaultMetrics({ register: this.process });
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
    if (state) registerPipelineMetrics(registry, state);
    return `${await registry.metrics()}\n${await this.process.metrics()}`;
  }

  private async state(): Promise<PipelineState | null> {
    try {
      return await withTimeout(this.pipeline.state(), SCRAPE_TIMEOUT_MS);
    } catch {
      return null;
    }
  }
}
