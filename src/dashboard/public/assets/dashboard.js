import { askForKey, isKeyWanted, setUpAccess } from './access.js';
import { ApiError } from './api.js';
import { loadAnomalies, showAnomalies } from './anomalies.js';
import { setUpAnomalyDialog } from './anomaly-dialog.js';
import { loadBatch, setUpBatch, showBatch } from './batch.js';
import { loadHealth, noteFailure, noteSuccess, showHealth, showPipelineHealth } from './connection.js';
import { loadDaily, setUpDaily, showDaily } from './daily.js';
import { loadMetrics, showMetrics } from './metrics.js';
import { loadPipeline, showPipeline } from './pipeline.js';
import { poll } from './poll.js';
import { loadSimulator, setUpSimulator, showSimulator } from './simulator.js';

const INTERVAL_MS = 2000;
const UNEXPECTED = new ApiError(
  'This page cannot show what the service answered; its console says more',
  200,
);

/** Keeps one kind of values fresh. Where that fails, the old ones stay and the strip at the top says so. */
const keepFresh = (kind, load, show) =>
  poll(async () => {
    if (isKeyWanted()) return;
    try {
      show(await load());
      noteSuccess(kind);
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      if (error.status === 401) askForKey(error);
      else noteFailure(kind, error instanceof ApiError ? error : UNEXPECTED);
    }
  }, INTERVAL_MS);

const showPipelineAndItsHealth = (pipeline) => {
  showPipelineHealth(pipeline);
  showPipeline(pipeline);
};

const refreshes = {
  health: keepFresh('health', loadHealth, showHealth),
  pipeline: keepFresh('pipeline', loadPipeline, showPipelineAndItsHealth),
  metrics: keepFresh('metrics', loadMetrics, showMetrics),
  simulator: keepFresh('simulator', loadSimulator, showSimulator),
  anomalies: keepFresh('anomalies', loadAnomalies, showAnomalies),
  daily: keepFresh('daily', loadDaily, showDaily),
  batch: keepFresh('batch', loadBatch, showBatch),
};

setUpAccess(() => Object.values(refreshes).forEach((refresh) => void refresh()));
setUpAnomalyDialog();
setUpSimulator(refreshes.simulator);
setUpDaily(refreshes.daily, refreshes.batch);
setUpBatch(refreshes.batch);
