import fc from 'fast-check';
import { patchedEvent } from './patched-event.js';

const patched = (record: string | null, patch: object): unknown => {
  const event = patchedEvent(record === null ? null : Buffer.from(record), patch);
  return event && JSON.parse(event.toString());
};

describe('a patched event', () => {
  // The examples of RFC 7396, appendix A, whose target and patch are objects.
  it.each([
    ['{"a":"b"}', { a: 'c' }, { a: 'c' }],
    ['{"a":"b"}', { b: 'c' }, { a: 'b', b: 'c' }],
    ['{"a":"b"}', { a: null }, {}],
    ['{"a":"b","b":"c"}', { a: null }, { b: 'c' }],
    ['{"a":["b"]}', { a: 'c' }, { a: 'c' }],
    ['{"a":"c"}', { a: ['b'] }, { a: ['b'] }],
    ['{"a":{"b":"c"}}', { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    ['{"a":[{"b":"c"}]}', { a: [1] }, { a: [1] }],
    ['{"e":null}', { a: 1 }, { e: null, a: 1 }],
    ['{}', { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%s with %j is %j', (record, patch, result) => {
    expect(patched(record, patch)).toEqual(result);
  });

  it.each([null, '', '[]', 'null', '"text"', '{"a'])('is none when the record is %j', (record) => {
    expect(patched(record, { a: 1 })).toBeNull();
  });

  it('has what the patch says, and patching again changes nothing', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.integer()),
        (event, patch) => {
          fc.pre(!('__proto__' in patch && Object.hasOwn(patch, '__proto__')));
          const once = patchedEvent(Buffer.from(JSON.stringify(event)), patch)!;
          expect(JSON.parse(once.toString())).toMatchObject(patch);
          expect(patchedEvent(once, patch)!.equals(once)).toBe(true);
        },
      ),
    );
  });
});
