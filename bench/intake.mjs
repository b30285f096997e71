// The way of events from the bytes of a fetch to their windows, without a log and a database.
import { createRecordsBatch } from '@platformatic/kafka';
import { intakeRules, takeIn } from '../dist/ingestion/core/intake.js';
import { RecordGroup } from '../dist/ingestion/core/record-group.js';
import { EventGenerator } from '../dist/simulator/core/event-generator.js';
import { RecordCursor } from '../dist/transport/core/record-cursor.js';
import { storedBatches } from '../dist/transport/core/stored-batches.js';

export const MAX_EVENT_BYTES = 1_048_576;
const NOON = Date.parse('2025-11-08T12:00:00Z');
const origin = { topic: 'bench', partition: 0, incarnation: 1 };
const rules = intakeRules({
  MAX_EVENT_BYTES,
  MAX_LATENESS: 86_400_000,
  WATERMARK_DELAY: 60_000,
  LATE_EVENTS: 'amend',
});
const group = new RecordGroup();

/** Events a millisecond apart, 1 in 100 of them broken. @returns {(Buffer | null)[]} */
export function generated(count) {
  const generator = new EventGenerator({ seed: 7, invalidRate: 0.01 });
  return Array.from({ length: count }, (_, n) => generator.next((NOON + n) * 1000).value);
}

/** Events in one batch, as a broker stores and sends it. @param {(Buffer | null)[]} events */
export function asStored(events) {
  const timestamp = BigInt(NOON + 60_000);
  return createRecordsBatch(events.map((value) => ({ topic: origin.topic, value, timestamp }))).buffer;
}

/** @param {Buffer} bytes of a batch */
export const recordsOf = (bytes) => new RecordCursor(storedBatches(bytes), 0, Infinity);

/**
 * As OwnedPartition does it.
 * @param {Buffer} bytes of a batch
 * @param {import('../dist/ingestion/core/partition-delta.js').PartitionDelta} delta
 * @param {(group: RecordGroup) => void} [change] what is done to records that are judged, and not taken in yet
 */
export function takeAll(bytes, delta, change = () => undefined) {
  const records = recordsOf(bytes);
  while (group.read(records, Infinity, MAX_EVENT_BYTES) > 0) {
    change(group);
    delta.recentIds?.expect(group.idHighs, group.size);
    for (let index = 0; index < group.size; index++) takeIn(group.at(index), origin, delta, rules, NOON);
  }
}
