import { formatInstant } from '../../http/core/instant.js';
import type { Difference } from '../answer-key.schemas.js';
import type { PartitionAnswer, WindowSums } from './answer-key.js';
import { expectedLedger, ledgerFields, type LedgerCounts } from './expected-ledger.js';

/** What a run must have added to a window, and what the window has gained. */
export interface ComparedWindow {
  readonly metricType: string;
  readonly metricKey: string;
  readonly windowStart: Date;
  readonly expected: WindowSums;
  readonly actual: WindowSums;
  /** Of the whole window. */
  readonly expectedValue: number;
  readonly actualValue: number;
}

/** One for each field that differs. */
export function differencesOfWindow(window: ComparedWindow): Difference[] {
  const { metricType, metricKey, windowStart, expected, actual } = window;
  const place = { in: 'window' as const, metricType, metricKey, windowStart: formatInstant(windowStart) };
  const differences: Difference[] = [];
  for (const field of ['eventCount', 'lateEvents', 'sumMicros'] as const)
    if (expected[field] !== actual[field])
      differences.push({ ...place, field, expected: plain(expected[field]), actual: plain(actual[field]) });
  // It follows from the others: of interest where they are right.
  if (differences.length === 0)
    differences.push({
      ...place,
      field: 'metricValue',
      expected: window.expectedValue,
      actual: window.actualValue,
    });
  return differences;
}

export function differencesOfLedger(
  {
    partition,
    ledgerBefore,
    answer,
  }: { partition: number; ledgerBefore: LedgerCounts; answer: PartitionAnswer },
  now: LedgerCounts,
): Difference[] {
  const must = expectedLedger(answer);
  return ledgerFields
    .map((field) => ({ field, expected: must[field], actual: now[field] - ledgerBefore[field] }))
    .filter(({ expected, actual }) => expected !== actual)
    .map(({ field, expected, actual }) => ({
      in: 'ledger' as const,
      partition,
      field,
      expected,
      actual,
    }));
}

export function differencesOfAnomalies(
  { partition, anomalies }: PartitionAnswer,
  found: readonly { readonly reason: string; readonly count: number }[],
): Difference[] {
  const actual = new Map(found.map(({ reason, count }) => [reason, count]));
  const reasons = [...new Set([...Object.keys(anomalies), ...actual.keys()])].sort();
  return reasons
    .map((reason) => ({ reason, expected: anomalies[reason] ?? 0, actual: actual.get(reason) ?? 0 }))
    .filter((each) => each.expected !== each.actual)
    .map((each) => ({
      in: 'anomalies' as const,
      partition,
      field: each.reason,
      expected: each.expected,
      actual: each.actual,
    }));
}

/** A sum may be beyond what a number of JSON is read as. */
const plain = (value: number | bigint): number | string =>
  typeof value === 'bigint' ? String(value) : value;
