import { until } from '../until.mjs';
import { dieAt } from './replica-faults.mjs';

/** @typedef {import('../round.mjs').Round} Round */

const DAY_MS = 86_400_000;

/** @param {Round} round */
export async function dieInDailyRun(round) {
  // Late events are some of yesterday's.
  const date = new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);
  const build = (replica) =>
    replica.request('/batch/run', { method: 'POST', body: { date, force: true } });
  for (let times = 1; times <= 2; times++) await dieAt(round, { failpoint: 'daily', provoke: build });
  await until('the day to be built by somebody else', async () => {
    const [run] = await round.sql(
      `SELECT status FROM batch_runs WHERE stat_date = $1 ORDER BY id DESC LIMIT 1`,
      [date],
    );
    return run?.status === 'succeeded';
  });
  await round.caughtUp();
  await build(round.replicas.running[0]);
  const [{ wrong }] = await round.sql(
    `SELECT count(*)::integer AS wrong FROM (
       SELECT metric_key, sum(event_count) AS events FROM real_time_metrics
        WHERE metric_type = 'region_agg' AND window_start >= $1::date AND window_start < $1::date + 1 GROUP BY 1
     ) AS windows FULL JOIN (
       SELECT metric_key, metric_value AS events FROM daily_stats WHERE stat_date = $1 AND metric_type = 'region_total_events'
     ) AS day USING (metric_key) WHERE windows.events IS DISTINCT FROM day.events`,
    [date],
  );
  round.expect(wrong === 0, `${wrong} regions of ${date} are not the sums of their windows`);
}

/** @param {Round} round */
export async function dieInReplay(round) {
  const begin = (replica) =>
    replica.request('/replays', { method: 'POST', body: { filter: { reason: 'too_late' }, ratePerSecond: 1_000 } });
  await dieAt(round, { failpoint: 'replay', provoke: begin });
  await replaysEnd(round);
}

/** @param {Round} round */
export async function dieInLogReplay(round) {
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const to = new Date(Date.now() + 600_000).toISOString();
  const begin = (replica) =>
    replica.request('/replays', { method: 'POST', body: { source: 'log', from, to } });
  await dieAt(round, { failpoint: 'log_replay', provoke: begin });
  await replaysEnd(round);
}

async function replaysEnd(round) {
  const replays = await until(
    'the replay to be ended by somebody else',
    async () => {
      const { items } = await round.replicas.running[0].request('/replays');
      return items.length > 0 && items.every(({ status }) => !/planned|running/.test(status)) && items;
    },
    { timeoutMs: 120_000 },
  );
  for (const { id, status, error, applied } of replays) {
    round.say(`replay ${id}: ${status}, ${applied} applied`);
    round.expect(status === 'succeeded', `replay ${id} ended as ${status}: ${error}`);
  }
}
