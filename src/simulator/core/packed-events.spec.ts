import fc from 'fast-check';
import { buffersOf, pack, unpack } from './packed-events.js';
import type { SentEvent } from './traffic.js';

const sent = (key: string, value: Buffer | null, dueAt: number): SentEvent =>
  ({ key, value, dueAt, duplicate: false, fault: null }) as SentEvent;

const anyEvent = fc.record({
  key: fc.string({ unit: 'grapheme' }),
  value: fc.option(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
  partition: fc.nat(1000),
  dueAt: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
});

it('packed events come out as they went in: tombstones, empty values, any bytes', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 20 }), (events) => {
      const packed = pack(
        events.map(({ key, value, dueAt }) => sent(key, value, dueAt)),
        events.map(({ partition }) => partition),
      );
      expect([...packed.dueAt]).toEqual(events.map(({ dueAt }) => dueAt));
      // As after the way from thread to thread.
      const arrived = structuredClone(packed, { transfer: buffersOf(packed) });
      expect(packed.bytes).toHaveLength(0);
      expect(unpack(arrived)).toEqual(events.map(({ key, value, partition }) => ({ key, value, partition })));
    }),
  );
});

it('a tombstone is none the less not an empty value', () => {
  const values = [null, Buffer.alloc(0), Buffer.from('Қ\u0000\xff', 'utf8'), null];
  const packed = pack(
    values.map((value, at) => sent('k', value, at)),
    [0, 1, 2, 3],
  );
  expect(unpack(packed).map(({ value }) => value)).toEqual(values);
});

it('no events are none', () => {
  expect(unpack(pack([], []))).toEqual([]);
});
