import type { Answer } from './answer-key.js';
import { totalsOf } from './expected-ledger.js';
import type { Ends } from './log-end.js';

const MAX_PARTITION_LINES = 32;

/** What a run has come to. */
export interface RunSummary {
  readonly status: string;
  readonly sent: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Mean. */
  readonly eventsPerSecond: number;
  readonly seed: number;
  /** Epoch milliseconds. */
  readonly startTime: number;
  /** Null where it is not known for sure. */
  readonly answer: Answer | null;
  /** Where the partitions ended before the run; empty where there is no log. */
  readonly first: Ends;
}

/** For people to read, line by line. */
export function* summaryLines(summary: RunSummary): Generator<string> {
  const { status, sent, bytes, seconds, eventsPerSecond, answer, first } = summary;
  yield `${status}: ${formatCount(sent)} events, ${formatBytes(bytes)}, ${seconds.toFixed(1)} s, ${formatCount(Math.round(eventsPerSecond))} events/s`;
  if (answer) {
    yield* partitionLines(answer, first);
    const { counted, lateCounted, duplicates, anomalies } = totalsOf(answer.partitions);
    yield `  counted ${formatCount(counted)}, late ${formatCount(lateCounted)}, anomalies ${formatAnomalies(anomalies)}; repeats ${formatCount(duplicates)}`;
  }
  yield `  again: --seed ${summary.seed} --start-time ${new Date(summary.startTime).toISOString()}, and the same parameters`;
}

function* partitionLines({ partitions }: Answer, first: Ends): Generator<string> {
  for (const { partition, sent } of partitions.slice(0, MAX_PARTITION_LINES)) {
    const start = first.get(partition);
    const offsets = start === undefined ? '' : `, offsets ${start} to ${start + BigInt(sent)}`;
    yield `  partition ${partition}: ${formatCount(sent)} events${offsets}`;
  }
  const more = partitions.length - MAX_PARTITION_LINES;
  if (more > 0) yield `  and ${more} more partitions`;
}

function formatAnomalies(anomalies: Readonly<Record<string, number>>): string {
  const entries = Object.entries(anomalies).sort(([, one], [, other]) => other - one);
  const total = formatCount(entries.reduce((sum, [, count]) => sum + count, 0));
  if (entries.length === 0) return total;
  return `${total} (${entries.map(([reason, count]) => `${reason} ${formatCount(count)}`).join(', ')})`;
}

/** @param expected how many events there will be, about; null without an end */
export function formatProgress(
  { sent, eventsPerSecond }: { readonly sent: number; readonly eventsPerSecond: number },
  expected: number | null,
): string {
  const rate = `${formatCount(Math.round(eventsPerSecond))}/s`;
  if (expected === null) return `${formatCount(sent)} events | ${rate}`;
  const left = Math.max(expected - sent, 0);
  const eta = eventsPerSecond > 0 ? `${formatCount(Math.ceil(left / eventsPerSecond))} s` : '–';
  return `${formatCount(sent)} of ${formatCount(expected)} events | ${rate} | ETA ${eta}`;
}

/** `5,000,000`. */
export const formatCount = (count: number): string => count.toLocaleString('en-US');

/** `1.13 GB`; of 1,000 each. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes === 0 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 2)} ${units[power] ?? ''}`;
}
