import type { LogRecord, LogRecords } from '../record-batch.js';
import { UnreadableBatchError, type StoredBatch } from './stored-batches.js';

/** A batch whose records are not compressed any more. */
export type ReadableBatch = Pick<
  StoredBatch,
  'firstOffset' | 'firstTimestamp' | 'appendTimestamp' | 'records' | 'body'
>;

/**
 * Reads the records of batches where they lie: it is itself each of the records, one after the other, so that a record costs
 * no object and no copy. https://kafka.apache.org/documentation/#record
 */
export class RecordCursor implements LogRecords, LogRecord {
  offset = 0;
  timestamp = 0;
  bytes: Buffer | null = null;
  start = 0;
  end = 0;
  private body: Buffer = Buffer.alloc(0);
  private firstOffset = 0;
  private firstTimestamp = 0;
  private appendTimestamp: number | null = null;
  private nextBatch = 0;
  /** Position in the body. */
  private at = 0;
  /** Records of the batch that are not read yet. */
  private left = 0;

  /**
   * Batches are stored, and fetched, as a whole: records outside of the range are left out.
   * @param to exclusive
   */
  constructor(
    private readonly batches: readonly ReadableBatch[],
    private readonly from: number,
    private readonly to: number,
  ) {}

  /** @throws UnreadableBatchError */
  next(): LogRecord | null {
    for (;;) {
      while (this.left === 0) if (!this.openNext()) return null;
      this.left--;
      this.read();
      if (this.offset >= this.to) return null;
      if (this.offset >= this.from) return this;
    }
  }

  private openNext(): boolean {
    const batch = this.batches[this.nextBatch++];
    if (!batch) return false;
    ({
      firstOffset: this.firstOffset,
      firstTimestamp: this.firstTimestamp,
      appendTimestamp: this.appendTimestamp,
      body: this.body,
    } = batch);
    this.at = 0;
    this.left = batch.records;
    return true;
  }

  private read(): void {
    const length = this.varint();
    const end = this.at + length;
    this.at++; // attributes: none are defined
    const ownTimestamp = this.firstTimestamp + this.varint();
    this.timestamp = this.appendTimestamp ?? ownTimestamp;
    this.offset = this.firstOffset + this.varint();
    const keyLength = this.varint();
    if (keyLength > 0) this.at += keyLength;
    const valueLength = this.varint();
    this.start = this.at;
    this.end = this.at + Math.max(0, valueLength);
    this.bytes = valueLength < 0 ? null : this.body;
    if (!(length > 0 && this.end <= end && end <= this.body.length))
      throw new UnreadableBatchError(this.firstOffset, 'a record does not fit into it');
    this.at = end;
  }

  /** A number in 7-bit groups from the lowest, the sign in the lowest bit; beyond 53 bits it is not exact. */
  private varint(): number {
    const { body } = this;
    const first = body[this.at++] ?? 0;
    if (first < 128) return (first >>> 1) ^ -(first & 1);
    let value = (first & 127) >>> 1;
    for (let unit = 64, byte = first; byte >= 128; unit *= 128) {
      byte = body[this.at++] ?? 0;
      value += (byte & 127) * unit;
    }
    return (first & 1) === 0 ? value : -value - 1;
  }
}
