import { listed, logRecord, type LogRecord, type LogRecords } from '../../transport/record-batch.js';
import { hashEventId, idHigh } from './event-id.js';
import { judgeRecord } from './judge.js';
import { RecordGroup } from './record-group.js';

const MAX_BYTES = 1000;
const event = { msisdn: '77010000001', event_type: 'sms', timestamp: '2025-11-08T10:00:00Z' };
const recordOf = (fields: object, offset: number): LogRecord =>
  logRecord(offset, 1000 + offset, Buffer.from(JSON.stringify({ ...event, ...fields })));

/** One object for all records, as the cursor over a fetch hands them out. */
function oneForAll(records: readonly LogRecord[]): LogRecords {
  const only = { offset: 0, timestamp: 0, bytes: null as Buffer | null, start: 0, end: 0 };
  let at = 0;
  return {
    next() {
      const record = records[at++];
      return record ? Object.assign(only, record) : null;
    },
  };
}

function hashOf(id: string): number {
  const bytes = Buffer.from(id);
  hashEventId(bytes, 0, bytes.length);
  return idHigh;
}

describe('a group of records', () => {
  const records = [
    recordOf({ event_id: 'one' }, 3),
    recordOf({}, 4),
    recordOf({ event_type: 'fax', event_id: 'two' }, 6),
    logRecord(7, -1, null),
    recordOf({ event_id: 'three', padding: '.'.repeat(MAX_BYTES) }, 9),
    recordOf({ event_id: 'four' }, 10),
  ];

  it('holds each as it was, with its verdict and the hash of its id', () => {
    const group = new RecordGroup();
    expect(group.read(oneForAll(records), 100, MAX_BYTES)).toBe(records.length);
    const held = Array.from({ length: group.size }, (_, index) => ({ ...group.at(index) }));
    expect(held).toEqual(records.map((record) => ({ ...record, verdict: judgeRecord(record, MAX_BYTES) })));
    expect(held.map(({ verdict }) => verdict.reason)).toEqual([
      ...[null, null, 'unknown_event_type', 'malformed_json', 'oversized', null],
    ]);
    expect([...group.idHighs.subarray(0, group.size)]).toEqual([hashOf('one'), 0, 0, 0, 0, hashOf('four')]);
  });

  it('reads no more than it is asked to, one group after the other, and then none', () => {
    const many = Array.from({ length: 150 }, (_, offset) => recordOf({}, offset));
    const rest = listed(many);
    const group = new RecordGroup();
    const offsets: number[][] = [];
    for (const most of [10, 1000, 1000, 1000, 1000]) {
      group.read(rest, most, MAX_BYTES);
      offsets.push(Array.from({ length: group.size }, (_, index) => group.at(index).offset));
    }
    expect(offsets.map(({ length }) => length)).toEqual([10, 64, 64, 12, 0]);
    expect(offsets.flat()).toEqual(many.map(({ offset }) => offset));
  });

  it('holds nothing once it has let go', () => {
    const group = new RecordGroup();
    group.read(listed(records), 3, MAX_BYTES);
    const held = group.at(2);
    group.release();
    expect(group.size).toBe(0);
    expect(held).toMatchObject({ bytes: null, verdict: { event: null } });
  });

  it('has no record beyond those it has read', () => {
    const group = new RecordGroup();
    group.read(listed(records), 2, MAX_BYTES);
    group.read(listed(records), 1, MAX_BYTES);
    expect(() => group.at(1)).toThrow(new RangeError('There are 1 records, and no 1'));
  });
});
