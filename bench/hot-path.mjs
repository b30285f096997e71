// Microseconds an event takes from the bytes of a fetch to its windows, by stage, beside JSON.parse of the same events:
// npm run bench:hot-path -- --json
import { parseArgs } from 'node:util';
import { judgeRecord } from '../dist/ingestion/core/judge.js';
import { PartitionDelta } from '../dist/ingestion/core/partition-delta.js';
import { RecentIds } from '../dist/ingestion/core/recent-ids.js';
import { asStored, generated, MAX_EVENT_BYTES, recordsOf, takeAll } from './intake.mjs';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '40' }, json: { type: 'boolean', default: false } },
});
const EVENTS = 10_000;

const events = generated(EVENTS);
const texts = events.map((value) => value?.toString('latin1') ?? '');
const bytes = asStored(events);

/** Each works on all events, and returns what shows that it did. */
const stages = {
  /** The record's place, offset and timestamp. */
  walk: () => count((record) => record.end > record.start),
  /** That, and the event's fields, judged. */
  judge: () => count((record) => judgeRecord(record, MAX_EVENT_BYTES).reason === null),
  /** That, and lateness, windows, anomalies, ledger: all there is between fetch and flush. */
  'take in': takeAllIn,
  'JSON.parse': () => texts.filter(isJson).length,
};

const rounds = Object.fromEntries(Object.keys(stages).map((stage) => [stage, []]));
for (let round = 0; round < Number(options.rounds); round++)
  for (const [stage, work] of Object.entries(stages)) {
    const startedAt = performance.now();
    const done = work();
    rounds[stage].push(performance.now() - startedAt);
    if (done < 0.98 * EVENTS || done > EVENTS) throw new Error(`${stage}: ${done} of ${EVENTS}`);
  }

const micros = Object.fromEntries(
  Object.entries(rounds).map(([stage, times]) => [stage, (Math.min(...times) * 1000) / EVENTS]),
);
const ratio = micros['take in'] / micros['JSON.parse'];
if (options.json) console.log(JSON.stringify({ micros, ratio }));
else {
  for (const [stage, time] of Object.entries(micros))
    console.log(`${stage.padEnd(12)} ${time.toFixed(3)} µs`);
  console.log(`take in / JSON.parse: ${ratio.toFixed(2)}`);
}

function count(holds) {
  const records = recordsOf(bytes);
  let found = 0;
  for (let record; (record = records.next());) if (holds(record)) found++;
  return found;
}

function takeAllIn() {
  const delta = new PartitionDelta(0n, null, new RecentIds(600_000, 5_000_000));
  takeAll(bytes, delta);
  return delta.ledger.counted;
}

function isJson(text) {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
