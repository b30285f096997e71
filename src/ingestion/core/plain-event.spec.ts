import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { decode } from './decode.js';
import type { Verdict } from './event.js';
import { readPlainEvent } from './plain-event.js';
import { validate } from './validate.js';

/** The long way, which alone defines what is right. */
function judge(bytes: Buffer): Verdict {
  const decoded = decode(bytes, 1_048_576);
  return decoded.reason === null ? validate(decoded.event) : decoded;
}

/** @returns whether the short way was taken */
function expectSame(bytes: Buffer): boolean {
  // In the middle of others, as records lie in a batch; what is around it must not matter.
  const around = Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('","region":"x"}')]);
  const short = readPlainEvent(around, 6, 6 + bytes.length);
  if (short !== null) expect(short).toEqual(judge(bytes));
  return short !== null;
}

const value = fc.oneof(
  fc.constantFrom(
    ...[
      '"1"',
      '""',
      'null',
      '0',
      '-0',
      '-1',
      '1e3',
      '1.5',
      '01',
      '.5',
      '5.',
      '1e400',
      'true',
      '{}',
      '[]',
      '"\\u0041"',
      '"\\"',
      '1 ',
      '"é"',
    ],
    ...[
      '"call"',
      '"sms"',
      '"data_session"',
      '"balance_recharge"',
      '"incoming"',
      '"Almaty"',
      '"__proto__"',
      '"a\u0000b"',
      '"\u007f"',
    ],
    ...[
      '999999999999999',
      '9999999999999999',
      '0.1234567890123',
      '1000000000',
      '1000000000.1',
      '1000000001',
      '123456.789012345',
    ],
    ...[
      '"2025-11-08T10:15:30.123456Z"',
      '"2025-11-08T10:15:60.123456Z"',
      '"2025-02-30T10:15:30.123456Z"',
      '"2025-11-08 10:15:30.123456Z"',
    ],
    ...[
      '"2025-11-08T10:15:30Z"',
      '"2025-11-08T10:15:30.123456+05:00"',
      '"1999-11-08T10:15:30.123456Z"',
      '"2025-11-08T10:15:30.12345xZ"',
    ],
  ),
  fc.double({ min: 0, max: 2e9, noNaN: true }).map(String),
  fc.tuple(fc.nat(1e9), fc.nat(999_999)).map(([whole, part]) => `${whole}.${part}`),
  fc.string({ maxLength: 110 }).map((text) => JSON.stringify(text)),
  fc.json(),
);
const key = fc.constantFrom(
  ...[
    'msisdn',
    'event_type',
    'timestamp',
    'region',
    'event_subtype',
    'duration_seconds',
    'data_mb',
    'amount',
  ],
  ...['event_id', 'uration_seconds', 'x', '', 'msisdm', '__proto__', 'a_very_long_name_of_a_field'],
);
const space = fc.oneof({ weight: 20, arbitrary: fc.constant('') }, fc.constantFrom(' ', '  ', '\n', '\t'));
/** A field as a producer might write it, so that the short way is taken often enough to be tried. */
const plausible = fc
  .oneof(
    fc.tuple(fc.constant('region'), fc.constantFrom('"Almaty"', '""', 'null', '"__proto__"')),
    fc.tuple(fc.constant('event_subtype'), fc.constantFrom('"incoming"', '"outgoing"', '""', 'null')),
    fc.tuple(
      fc.constantFrom('duration_seconds', 'data_mb', 'amount', 'x'),
      fc.constantFrom('0', '17', '23.56', '1000000000', 'null'),
    ),
  )
  .map(([name, text]): [string, string, string, string, string, string] => ['', name, '', '', text, '']);
const event = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.oneof(plausible, fc.tuple(space, key, space, space, value, space)), { maxLength: 6 }),
    fc.oneof({ weight: 8, arbitrary: fc.constant('') }, fc.constantFrom(' ', '}', ',', '\0', 'x')),
  )
  .map(([complete, pairs, tail]) => {
    const basis = complete
      ? ['"msisdn": "7701"', ' "event_type": "call"', ' "timestamp": "2025-11-08T10:15:30.123456Z"']
      : [];
    const rest = pairs.map(([a, name, b, c, text, d]) => `${a}"${name}"${b}:${c}${text}${d}`);
    return `{${[...basis, ...rest].join(',')}}${tail}`;
  });

describe('readPlainEvent', () => {
  it('takes the short way for every valid event of the sample, and agrees with the long way', () => {
    const lines = readFileSync('test/fixtures/sample/events.ndjson', 'utf8').split('\n').slice(0, -1);
    for (const line of lines) {
      const bytes = Buffer.from(line);
      // What it leaves to the long way is invalid, or written in an unusual manner.
      if (!expectSame(bytes) && judge(bytes).reason === null)
        expect(line).toMatch(/\\|\+\d\d:\d\d"|[^ -~]|": ?-|[eE]\d/);
    }
  });

  it('agrees with the long way on made-up events, or leaves them to it', () => {
    let short = 0;
    fc.assert(
      fc.property(event, (text) => {
        if (expectSame(Buffer.from(text))) short++;
      }),
      { numRuns: 20_000 },
    );
    expect(short).toBeGreaterThan(1_000);
  });

  it('agrees when bytes of a valid event are changed, cut out or doubled', () => {
    const plain = Buffer.from(
      '{"event_id": "5d9dc9f8", "msisdn": "2601815908301", "region": "Almaty", "timestamp": "2025-11-08T22:30:00.391449Z", "event_type": "data_session", "event_subtype": null, "uration_seconds": 939, "data_mb": 23.56}',
    );
    expect(expectSame(plain)).toBe(true);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(plain.length), fc.nat(3), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 3,
        }),
        (edits) => {
          let bytes = plain;
          for (const [at, length, byte] of edits)
            bytes = Buffer.concat([
              bytes.subarray(0, at),
              Buffer.from(length === 3 ? [] : [byte]),
              bytes.subarray(at + (length === 2 ? 0 : length % 3)),
            ]);
          expectSame(bytes);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('reads numbers as JSON.parse does, to the last bit', () => {
    fc.assert(
      fc.property(
        fc.nat(999_999_999),
        fc.string({
          unit: fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'),
          minLength: 1,
          maxLength: 8,
        }),
        (whole, part) => {
          const bytes = Buffer.from(
            `{"msisdn":"1","event_type":"balance_recharge","timestamp":"2025-11-08T22:30:00Z","amount":${whole}.${part}}`,
          );
          expectSame(bytes);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('remembers names within a bound, and never mixes them up', () => {
    for (let i = 0; i < 5_000; i++) {
      const bytes = Buffer.from(
        `{"msisdn":"1","event_type":"sms","timestamp":"2025-11-08T22:30:00Z","region":"r${i % 1700}","event_subtype":"s${i % 1300}"}`,
      );
      expect(expectSame(bytes)).toBe(true);
    }
  });
});
