// @ts-check The process that chaos/traffic.mjs starts: publishes events at a steady rate until it is told to stop.
import { setTimeout as delay } from 'node:timers/promises';
import { listPartitions } from './log-requests.mjs';
import { codecs, encodeBatch, produce } from './produce.mjs';
import { TrafficMaker } from './traffic-events.mjs';
import { Connection } from './wire.mjs';

const TICK_MS = 50;
const RETRY_MS = 200;
const REPORT_MS = 500;
const LOOK_MS = 1_000;
/** What an outage leaves undone beyond this is not made up for: the rate stays steady. */
const MOST_BEHIND_MS = 1_000;
/** Of a batch; brokers take a MiB. */
const MOST_RECORDS = 1_500;
/** When told to stop: for so long what is on its way is tried. */
const LAST_TRIES_MS = 5_000;

/** @type {import('./traffic.mjs').TrafficOptions & { startAt: number }} */
const options = JSON.parse(process.argv[2] ?? '{}');
const { brokers, topic, timeScale = 1, codec = 'none' } = options;
let { rate } = options;
const maker = new TrafficMaker({ ...options, partitions: options.partitions });
const startedAt = performance.now();
/** @type {{ connection: Connection | null }} */
const broker = { connection: null };
let stopBy = Infinity;
let lookedAt = -Infinity;
const stats = { sent: 0, failures: 0, lastError: '', clock: options.startAt };

process.on('message', (/** @type {{ stop?: true, rate?: number }} */ message) => {
  if (message.stop) stopBy = Math.min(stopBy, performance.now() + LAST_TRIES_MS);
  if (message.rate !== undefined) rate = message.rate;
});
// Whoever has started it is gone.
process.on('disconnect', () => process.exit(0));

setInterval(report, REPORT_MS).unref();
await publish();
report();
broker.connection?.close();
process.disconnect();

async function publish() {
  let behind = 0;
  for (let [last, turn] = [performance.now(), 0]; stopBy === Infinity; turn++) {
    const now = performance.now();
    behind = Math.min(behind + ((now - last) / 1000) * rate, (MOST_BEHIND_MS / 1000) * rate);
    last = now;
    const due = Math.min(Math.floor(behind), MOST_RECORDS * maker.partitions);
    behind -= due;
    if (due > 0) await send(makeBatches(due, turn));
    const spent = performance.now() - now;
    if (spent < TICK_MS) await delay(TICK_MS - spent);
  }
}

/** @param {number} count @param {number} turn */
function makeBatches(count, turn) {
  stats.clock = options.startAt + (performance.now() - startedAt) * timeScale;
  const micros = Math.floor(stats.clock * 1000);
  const step = (TICK_MS * 1000 * timeScale) / count;
  /** @type {Map<number, import('./produce.mjs').NewRecord[]>} */
  const byPartition = new Map();
  for (let made = 0; made < count; made++) {
    const record = maker.next(Math.floor(micros + made * step));
    const records = byPartition.get(record.partition);
    if (records) records.push(record);
    else byPartition.set(record.partition, [record]);
  }
  const chosen = codec === 'mixed' ? codecs[turn % codecs.length] : codec;
  return [...byPartition].map(([partition, records]) => ({
    partition,
    records: records.length,
    bytes: encodeBatch(records, chosen),
  }));
}

/** Until they are in the log, or their partition is gone. @param {ReturnType<typeof makeBatches>} batches */
async function send(batches) {
  for (let left = batches; left.length > 0 && performance.now() < stopBy;) {
    try {
      const connection = (broker.connection ??= await Connection.open(brokers));
      if (performance.now() - lookedAt > LOOK_MS) await look(connection);
      left = left.filter(({ partition }) => partition < maker.partitions);
      const refused = await produce(connection, topic, left);
      for (const { partition, records } of left) if (!refused.has(partition)) stats.sent += records;
      left = left.filter(({ partition }) => refused.has(partition));
      if (left.length > 0)
        throw new Error(`error ${[...new Set(refused.values())].join(', ')} of the broker`);
    } catch (error) {
      stats.failures++;
      stats.lastError = error instanceof Error ? error.message : String(error);
      broker.connection?.close();
      broker.connection = null;
      lookedAt = -Infinity;
      await delay(RETRY_MS);
    }
  }
}

/** Partitions are added, and topics are created anew with fewer. @param {Connection} connection */
async function look(connection) {
  maker.partitions = (await listPartitions(connection, topic)).length;
  lookedAt = performance.now();
}

function report() {
  if (process.connected) process.send?.(stats);
}
