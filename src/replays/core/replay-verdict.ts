import type { AnomalyReason } from '../../anomalies/core/reason.js';
import type { ValidEvent } from '../../ingestion/core/event.js';
import { judgeAhead, judgeContent } from '../../ingestion/core/judge.js';

/** What is judged: an anomaly's own record, or what an operator puts in its place. */
export interface ReplayedRecord {
  readonly value: Buffer | null;
  /** When the record was written, epoch milliseconds. */
  readonly recordTimestamp: number;
}

export type ReplayVerdict = ValidEvent | { readonly reason: AnomalyReason; readonly detail: string };

/**
 * Judges a record by today's rules. Those about lateness do not apply: they are about a stream, and whoever replays an event
 * says that it shall count although it is late.
 */
export function judgeReplay(record: ReplayedRecord, maxEventBytes: number): ReplayVerdict {
  const verdict = judgeContent(record.value, maxEventBytes);
  if (verdict.reason !== null) return { reason: verdict.reason, detail: verdict.detail };
  return judgeAhead(verdict.eventTime, record.recordTimestamp) ?? verdict;
}
