// What looking for repeats adds to the intake of an event, ever more ids being known: npm run bench:repeats -- --ids 3000000
import { parseArgs } from 'node:util';
import { PartitionDelta } from '../dist/ingestion/core/partition-delta.js';
import { RecentIds } from '../dist/ingestion/core/recent-ids.js';
import { asStored, generated, takeAll } from './intake.mjs';
import { table, whole } from './report.mjs';

const { values: options } = parseArgs({
  options: {
    ids: { type: 'string', default: '3000000' },
    partitions: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});
const [ids, partitions] = [Number(options.ids), Number(options.partitions)];
/** More bytes of events than the cores have cache of their own. */
const EVENTS = 60_000;
/** Of one partition in a fetch. */
const BATCH = 1500;
/** Of all partitions between two flushes. */
const FLUSH = 200_000;
const PARTS = 10;

const events = generated(EVENTS);
const batches = Array.from({ length: EVENTS / BATCH }, (_, n) =>
  asStored(events.slice(n * BATCH, (n + 1) * BATCH)),
);
const without = contender(() => null);
const withIds = contender(() => new RecentIds(600_000, 2 * ids));

// Both in one process and by turns, a batch each: whatever else the machine does hits the one as well as the other.
const added = [];
const alone = [];
for (let turn = 0; turn * BATCH < ids; turn++) {
  const first = turn % 2 === 0 ? [without, withIds] : [withIds, without];
  const micros = new Map(first.map((each, n) => [each, timeOf(each, turn, n)]));
  alone.push(micros.get(without));
  added.push(micros.get(withIds) - micros.get(without));
}
const duplicates = withIds.duplicates();
if (duplicates !== 0) throw new Error(`${duplicates} repeats, where there are none`);

const parts = Array.from({ length: PARTS }, (_, part) => {
  const slice = (all) => all.slice((part * all.length) / PARTS, ((part + 1) * all.length) / PARTS);
  return { known: ((part + 1) * ids) / PARTS, without: mean(slice(alone)), added: mean(slice(added)) };
});
const result = { without: mean(alone), added: mean(added), parts };
if (options.json) console.log(JSON.stringify(result));
else {
  const rows = parts.map((part) => [whole(part.known), part.without.toFixed(3), part.added.toFixed(3)]);
  console.log(table(['ids known', 'µs an event without', 'µs more'], rows));
  console.log(`all: ${result.without.toFixed(3)} µs, and ${result.added.toFixed(3)} µs more`);
}

function contender(memory) {
  const memories = Array.from({ length: partitions }, memory);
  let deltas = memories.map((recentIds) => new PartitionDelta(0n, null, recentIds));
  let taken = 0;
  let duplicates = 0;
  return {
    duplicates: () => duplicates + deltas.reduce((sum, { ledger }) => sum + ledger.duplicates, 0),
    /** Takes a batch into the partition whose turn it is; the events of the rounds before come again, with other ids. */
    take(batch, round, turn) {
      takeAll(batch, deltas[turn % partitions], (group) => {
        for (let index = 0; index < group.size; index++)
          group.idHighs[index] = rename(group.at(index), round);
      });
      taken += BATCH;
      if (taken < FLUSH) return;
      taken = 0;
      duplicates = this.duplicates();
      const bytes = memories.flatMap((each) => each?.drain()?.chunks ?? []);
      Buffer.concat(bytes.map(({ ids }) => Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength)));
      deltas = deltas.map((each) => new PartitionDelta(0n, each.newestEventTime, each.recentIds));
    },
  };
}

/** @returns the first part of the new id's hash */
function rename({ verdict }, round) {
  if (verdict.reason !== null) return 0;
  verdict.idHigh = Math.imul(verdict.idHigh ^ round, 0x9e3779b1);
  verdict.idLow ^= round;
  return verdict.idHigh;
}

/** Microseconds an event. @param n which of the two of this turn: they take different batches, the next turns the other one */
function timeOf(each, turn, n) {
  const at = turn * 2 + n;
  const startedAt = performance.now();
  each.take(batches[at % batches.length], Math.floor(at / batches.length), turn);
  return ((performance.now() - startedAt) * 1000) / BATCH;
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
