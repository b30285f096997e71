import type { WindowDelta } from '../../aggregation/core/window-deltas.js';
import type { NewAnomaly } from '../../anomalies/core/anomaly.js';
import type { AnomalyStatus } from '../../anomalies/anomalies.schemas.js';
import { takeIn, type IntakeRules, type RecordOrigin } from '../../ingestion/core/intake.js';
import { judged, judgeRecord } from '../../ingestion/core/judge.js';
import { PartitionDelta } from '../../ingestion/core/partition-delta.js';
import type { RecentIds } from '../../ingestion/core/recent-ids.js';
import type { LogRecord, LogRecords } from '../../transport/record-batch.js';
import type { RebuildRange } from './rebuild-range.js';

/** An anomaly that is stored for a record of the log. */
export interface StoredAnomaly {
  readonly id: string;
  readonly status: AnomalyStatus;
}

/** What a stretch of one partition's log comes to, within the range. */
export interface Rebuilt {
  readonly windows: readonly WindowDelta[];
  /** Rejected now, and no anomaly is stored for them. */
  readonly newAnomalies: readonly NewAnomaly[];
  /** Ids of stored anomalies of status `new` whose records pass now. */
  readonly passing: readonly string[];
}

/** With these, and without a limit of bytes, every event counts that counts with some. */
const ANY_SETTINGS = { maxLateness: Infinity, lateEvents: 'amend' } as const;

/**
 * Takes one partition's log in again. Records that an anomaly is stored for count by what became of that anomaly, and
 * not from here, so that nothing is counted twice, and no correction is lost.
 */
export class RebuiltPartition {
  /** Records that were rejected, by reason. */
  readonly rejected = new Map<string, number>();
  private delta: PartitionDelta;
  private passing: string[] = [];
  /** Newest accepted event time, epoch microseconds: of what was read, since what came before lies before the range. */
  private newest: number | null = null;

  constructor(
    private readonly origin: RecordOrigin,
    private readonly range: RebuildRange,
    /** Knows nothing yet; null when repeats count like all others. */
    private readonly recentIds: RecentIds | null = null,
  ) {
    this.delta = this.newDelta();
  }

  /** Bytes of the records of new anomalies, at most. */
  get heldBytes(): number {
    return this.delta.anomalyBytes;
  }

  /**
   * @param most how many of the records to take
   * @param stored anomalies by the offsets of their records
   * @param now epoch milliseconds, for records without a timestamp
   * @returns how many it took: less than `most` only when none are left
   */
  take(
    records: LogRecords,
    most: number,
    stored: ReadonlyMap<number, StoredAnomaly>,
    rules: IntakeRules,
    now: number,
  ): number {
    let taken = 0;
    for (let record; taken < most && (record = records.next()); taken++) {
      const anomaly = stored.get(record.offset);
      if (anomaly) this.judgeAgain(record, anomaly, rules, now);
      else this.takeAnew(record, rules, now);
    }
    return taken;
  }

  /** What was taken since the last time. */
  drain(): Rebuilt {
    const { range, passing } = this;
    const { windows, anomalies } = this.delta;
    this.delta = this.newDelta();
    this.recentIds?.drain(); // the log has them
    this.recentIds?.stored();
    this.passing = [];
    return {
      windows: [...windows].filter((window) => range.holds(window)),
      newAnomalies: anomalies,
      passing,
    };
  }

  private newDelta(): PartitionDelta {
    return new PartitionDelta(0n, this.newest, this.recentIds);
  }

  private takeAnew(record: LogRecord, rules: IntakeRules, now: number): void {
    const { anomalies } = this.delta;
    const before = anomalies.length;
    takeIn(judged(record, rules.maxEventBytes), this.origin, this.delta, rules, now);
    this.newest = this.delta.newestEventTime;
    const rejection = anomalies[before];
    if (!rejection) return;
    const eventTime = rejection.eventTime ?? eventTimeOf(record);
    if (this.note({ ...rejection, eventTime })) anomalies[before] = { ...rejection, eventTime };
    else {
      anomalies.pop();
      this.goOnCounting(record, rules, now);
    }
  }

  /**
   * A record that no anomaly is stored for was counted so far, if by other settings than those of today. When its event is
   * not wholly of the range it stays where it is counted, inside as outside.
   */
  private goOnCounting(record: LogRecord, rules: IntakeRules, now: number): void {
    const counted = this.newDelta();
    takeIn(judged(record, Infinity), this.origin, counted, { ...rules, ...ANY_SETTINGS }, now);
    this.delta.windows.merge(counted.windows);
  }

  private judgeAgain(
    record: LogRecord,
    { id, status }: StoredAnomaly,
    rules: IntakeRules,
    now: number,
  ): void {
    const verdict = this.newDelta();
    takeIn(judged(record, rules.maxEventBytes), this.origin, verdict, rules, now);
    // By the rules of today it moves the watermark, whatever was made of it.
    this.newest = this.delta.newestEventTime = verdict.newestEventTime;
    const rejection = verdict.anomalies[0];
    if (rejection) this.note(rejection);
    else if (status === 'new' && this.touches(verdict)) this.passing.push(id);
  }

  private touches({ windows }: PartitionDelta): boolean {
    return [...windows].some((window) => this.range.holds(window));
  }

  /** @returns false for one that does not belong to the range */
  private note({ reason, eventTime, recordTimestamp }: NewAnomaly): boolean {
    if (!this.range.covers(eventTime, recordTimestamp)) return false;
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
    return true;
  }
}

/** Also of a record that is too large to be counted by now. */
function eventTimeOf(record: LogRecord): number | null {
  const verdict = judgeRecord(record, Infinity);
  return verdict.reason === null ? verdict.eventTime : null;
}
