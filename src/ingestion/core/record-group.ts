import type { LogRecord, LogRecords } from '../../transport/record-batch.js';
import type { Verdict } from './event.js';
import { IDS_AT_ONCE } from './id-slots.js';
import { judgeRecord, type JudgedRecord } from './judge.js';

/**
 * Records judged together before any of them is taken in; one group serves again and again, as objects cost time. It holds on to
 * their bytes until they are {@link release}d.
 */
export class RecordGroup {
  /** How many there are. */
  size = 0;
  /** Of each the first part of its id's hash; 0 for one without. */
  readonly idHighs = new Int32Array(IDS_AT_ONCE);
  private readonly places: Place[] = [];

  /**
   * Reads the next records, in place of those before.
   * @returns how many: less than `most` and {@link IDS_AT_ONCE} only when none are left
   */
  read(records: LogRecords, most: number, maxBytes: number): number {
    const end = Math.min(most, IDS_AT_ONCE);
    this.size = 0;
    for (let record; this.size < end && (record = records.next()); this.size++) {
      const place = (this.places[this.size] ??= new Place());
      const verdict = place.hold(record, maxBytes);
      this.idHighs[this.size] = verdict.reason === null ? verdict.idHigh : 0;
    }
    return this.size;
  }

  /** Lets go of all records. */
  release(): void {
    this.size = 0;
    for (const place of this.places) {
      place.bytes = null;
      place.verdict = NONE;
    }
  }

  /** Valid until the next read. @param index less than {@link size} */
  at(index: number): JudgedRecord {
    const place = this.places[index];
    if (!place || index >= this.size) throw new RangeError(`There are ${this.size} records, and no ${index}`);
    return place;
  }
}

const NONE: Verdict = { reason: 'malformed_json', detail: 'no record', event: null };

class Place implements JudgedRecord {
  offset = 0;
  timestamp = 0;
  bytes: Buffer | null = null;
  start = 0;
  end = 0;
  verdict = NONE;

  hold(record: LogRecord, maxBytes: number): Verdict {
    this.offset = record.offset;
    this.timestamp = record.timestamp;
    this.bytes = record.bytes;
    this.start = record.start;
    this.end = record.end;
    return (this.verdict = judgeRecord(record, maxBytes));
  }
}
