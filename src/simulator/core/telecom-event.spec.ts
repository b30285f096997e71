import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import {
  formatTimestamp,
  render,
  type Direction,
  type EventType,
  type TelecomEvent,
} from './telecom-event.js';

describe('a rendered event', () => {
  it('is, byte for byte, what the existing producer would have written', () => {
    const lines = readFileSync('test/fixtures/sample/events.ndjson', 'utf8').split('\n');
    const flawless = lines.filter((line) => FLAWLESS.test(line));
    expect(flawless.length).toBeGreaterThan(11_000);
    expect(flawless.map((line) => render(read(line)))).toEqual(flawless);
  });
});

describe('a timestamp', () => {
  it.each<[number, string]>([
    [0, '1970-01-01T00:00:00.000000Z'],
    [1_762_596_930_123_456, '2025-11-08T10:15:30.123456Z'],
    [1_762_596_930_000_001, '2025-11-08T10:15:30.000001Z'],
    [1_762_596_930_999_999, '2025-11-08T10:15:30.999999Z'],
    [1_762_596_931_000_000, '2025-11-08T10:15:31.000000Z'],
  ])('of %d µs is %s', (micros, text) => {
    expect(formatTimestamp(micros)).toBe(text);
  });

  it.each([-3, -1, 1, 2, 1000])('is its own also %d × 4096 s from one that was written before', (turns) => {
    const first = 1_762_596_930_123_456;
    const second = first + turns * 4096 * 1e6;
    expect([first, second, first].map((each) => micros(formatTimestamp(each)))).toEqual([
      first,
      second,
      first,
    ]);
  });

  it('can be read back to the microsecond, in whatever order timestamps are written', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4_102_444_800_000_000 })), (instants) => {
        expect(instants.map((instant) => micros(formatTimestamp(instant)))).toEqual(instants);
      }),
    );
  });
});

/** Lines that keep to the producer's format; the fixture's bad, offset and whole-second ones do not. */
const FLAWLESS =
  /^\{"event_id": "[^"]+", "msisdn": "\d{13}", "region": "[^"]+", "cell_tower_id": \d{4}, "timestamp": "[^"]{26}Z", "event_type": "(data_session|call|sms|balance_recharge)", "event_subtype": (null|"incoming"|"outgoing")(, "d?uration_seconds": \d+)?(, "(data_mb|amount)": \d+\.\d\d?)?\}$/;

interface Line {
  event_id: string;
  msisdn: string;
  region: string;
  cell_tower_id: number;
  timestamp: string;
  event_type: EventType;
  event_subtype: Direction | null;
  duration_seconds?: number;
  uration_seconds?: number;
  data_mb?: number;
  amount?: number;
}

function read(text: string): TelecomEvent {
  const line = JSON.parse(text) as Line;
  return {
    eventId: line.event_id,
    msisdn: line.msisdn,
    region: line.region,
    cellTowerId: line.cell_tower_id,
    eventTime: micros(line.timestamp),
    type: line.event_type,
    subtype: line.event_subtype,
    durationSeconds: line.duration_seconds ?? line.uration_seconds ?? null,
    dataMb: line.data_mb ?? null,
    amount: line.amount ?? null,
  };
}

const micros = (timestamp: string): number =>
  Date.parse(`${timestamp.slice(0, 19)}Z`) * 1000 + Number(timestamp.slice(20, 26));
