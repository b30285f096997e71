import { until } from '../until.mjs';
import { dayDifferences } from '../verdict-days.mjs';
import { dieAtWork } from './replica-faults.mjs';

/** @typedef {import('../round.mjs').Round} Round */

const HOUR_MS = 3_600_000;
/** Enough for more than one chunk. */
const ANOMALIES = 2_000;

/** Traffic is of yesterday at first. @param {Round} round */
export async function dieInDailyRun(round) {
  const { replicas, traffic } = round;
  const date = new Date(Date.now() - 24 * HOUR_MS).toISOString().slice(0, 10);
  const build = (replica) => replica.request('/batch/run', { method: 'POST', body: { date } });
  // Nobody else is to build it before.
  await replicas.awake.request('/batch/pause', { method: 'POST' });
  await round.caughtUp();
  await traffic.resume({ startAgoMs: 0 });
  await round.recovered('traffic of today');
  await dieAtWork(round, { failpoint: 'daily.in_transaction', begin: build });
  await replicas.awake.request('/batch/resume', { method: 'POST' });
  await until(
    'the day to be built by somebody else',
    async () => (await round.sql('SELECT FROM daily_stats WHERE stat_date = $1', [date])).length > 0,
    { timeoutMs: 120_000 },
  );
  round.say(`${date} is built`);
  await round.caughtUp();
  await until('the day to be built anew', () => build(replicas.awake).catch(() => undefined));
  const { days, differences } = await round.withDatabase(dayDifferences);
  round.expect(days.includes(date), `${date} is not built, only ${days.join(', ')}`);
  for (const difference of differences) round.expect(false, difference);
}

/** @param {Round} round */
export async function dieInReplay(round) {
  await until(
    'anomalies to replay',
    async () => {
      const [{ count }] = await round.sql(
        `SELECT count(*)::integer AS count FROM anomalies WHERE reason = 'too_late' AND status = 'new'`,
      );
      return count > ANOMALIES;
    },
    { everyMs: 500 },
  );
  const body = { source: 'anomalies', filter: { reason: 'too_late' }, ratePerSecond: 2_000, force: true };
  const begin = (replica) => replica.request('/replays', { method: 'POST', body });
  await dieAtWork(round, { failpoint: 'replay.in_transaction', times: round.random.between(1, 3), begin });
  const [{ applied }] = await replaysEnded(round, 1);
  round.expect(applied >= ANOMALIES, `${applied} anomalies were replayed of ${ANOMALIES} at least`);
}

/** @param {Round} round */
export async function dieInLogReplay(round) {
  const from = new Date(Date.now() - HOUR_MS).toISOString();
  const to = new Date(Date.now() + HOUR_MS).toISOString();
  const begin = (replica) =>
    replica.request('/replays', { method: 'POST', body: { source: 'log', from, to } });
  const failpoints = ['rebuild.read', 'rebuild.holding_up', 'rebuild.in_transaction'];
  for (const [done, failpoint] of round.random.shuffle(failpoints).entries()) {
    await dieAtWork(round, { failpoint, begin });
    await replaysEnded(round, done + 1);
  }
}

/** Whoever is left has taken them on. */
async function replaysEnded(round, count) {
  const replays = await until(
    'the replay to be ended by somebody else',
    async () => {
      const { items } = await round.replicas.awake.request('/replays');
      return items.length === count && items.every(({ status }) => !/planned|running/.test(status)) && items;
    },
    { timeoutMs: 120_000, everyMs: 200 },
  );
  for (const { id, status, error } of replays)
    round.expect(status === 'succeeded', `replay ${id} ended as ${status}: ${error}`);
  round.say(`replays: ${replays.map(({ status, applied }) => `${status}, ${applied} applied`).join('; ')}`);
  return replays;
}
