// Microseconds an event takes from the bytes of a fetch to its windows, by stage, beside JSON.parse of the same events:
// npm run bench:hot-path -- --json
import { parseArgs } from 'node:util';
import { createRecordsBatch } from '@platformatic/kafka';
import { intakeRules, takeIn } from '../dist/ingestion/core/intake.js';
import { judgeRecord } from '../dist/ingestion/core/judge.js';
import { PartitionDelta } from '../dist/ingestion/core/partition-delta.js';
import { RecentIds } from '../dist/ingestion/core/recent-ids.js';
import { EventGenerator } from '../dist/simulator/core/event-generator.js';
import { RecordCursor } from '../dist/transport/core/record-cursor.js';
import { storedBatches } from '../dist/transport/core/stored-batches.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '40' }, json: { type: 'boolean', default: false } },
});
const EVENTS = 10_000;
const NOON = Date.parse('2025-11-08T12:00:00Z');
const MAX_EVENT_BYTES = 1_048_576;
const origin = { topic: 'bench', partition: 0, incarnation: 1 };
const rules = intakeRules({
  MAX_EVENT_BYTES,
  MAX_LATENESS: 86_400_000,
  WATERMARK_DELAY: 60_000,
  LATE_EVENTS: 'amend',
});

const generator = new EventGenerator({ seed: 7, invalidRate: 0.01 });
const events = Array.from({ length: EVENTS }, (_, n) => generator.next((NOON + n) * 1000).value);
const texts = events.map((value) => value?.toString('latin1') ?? '');
const bytes = asStored();

/** Each works on all events, and returns what shows that it did. */
const stages = {
  /** The record's place, offset and timestamp. */
  walk: () => count((record) => record.end > record.start),
  /** That, and the event's fields, judged. */
  judge: () => count((record) => judgeRecord(record, MAX_EVENT_BYTES).reason === null),
  /** That, and lateness, windows, anomalies, ledger: all there is between fetch and flush. */
  'take in': takeAll,
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

/** The events in one batch, as a broker stores and sends it. */
function asStored() {
  const timestamp = BigInt(NOON + EVENTS);
  return createRecordsBatch(events.map((value) => ({ topic: origin.topic, value, timestamp }))).buffer;
}

function count(holds) {
  const records = new RecordCursor(storedBatches(bytes), 0, Infinity);
  let found = 0;
  for (let record; (record = records.next());) if (holds(record)) found++;
  return found;
}

function takeAll() {
  const delta = new PartitionDelta(0n, null, new RecentIds(600_000, 5_000_000));
  const records = new RecordCursor(storedBatches(bytes), 0, Infinity);
  for (let record; (record = records.next());) takeIn(record, origin, delta, rules, NOON);
  return delta.ledger.counted;
}

function isJson(text) {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
