import type { PartitionAnswer } from './answer-key.js';

/** The ledger of a partition, by the names of its columns in `ingest_partitions`. */
export const ledgerFields = [
  'consumed',
  'counted',
  'late_counted',
  'anomalies',
  'duplicates',
  'skipped',
] as const;
export type LedgerCounts = Readonly<Record<(typeof ledgerFields)[number], number>>;

/** What the events of a run must have added to the ledger. */
export const expectedLedger = (answer: PartitionAnswer): LedgerCounts => ({
  consumed: answer.sent,
  counted: answer.counted,
  late_counted: answer.lateCounted,
  anomalies: Object.values(answer.anomalies).reduce((sum, count) => sum + count, 0),
  duplicates: answer.duplicates,
  skipped: 0,
});

/** Of all partitions together. */
export function totalsOf(partitions: readonly PartitionAnswer[]): Omit<PartitionAnswer, 'partition'> {
  const totals = { sent: 0, counted: 0, lateCounted: 0, duplicates: 0 };
  const anomalies: Record<string, number> = {};
  for (const partition of partitions) {
    for (const field of ['sent', 'counted', 'lateCounted', 'duplicates'] as const)
      totals[field] += partition[field];
    for (const [reason, count] of Object.entries(partition.anomalies))
      anomalies[reason] = (anomalies[reason] ?? 0) + count;
  }
  return { ...totals, anomalies };
}
