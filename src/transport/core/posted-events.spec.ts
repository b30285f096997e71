import fc from 'fast-check';
import { eventsOfJson, eventsOfLines } from './posted-events.js';

const json = (body: string | Buffer) =>
  eventsOfJson(Buffer.from(body))?.map(({ key, value }) => [key, String(value)]) ?? null;
const lines = (body: string) =>
  eventsOfLines(Buffer.from(body)).map(({ key, value }) => [key, String(value)]);

describe('a JSON body', () => {
  it('is one event when it is no array', () => {
    expect(json(' {"msisdn":"77011234567"}\n')).toEqual([['77011234567', '{"msisdn":"77011234567"}']]);
    expect(json('null')).toEqual([[null, 'null']]);
    expect(json('"text"')).toEqual([[null, '"text"']]);
    expect(json('1e400')).toEqual([[null, '1e400']]);
  });

  it('is an event per element of an array, keyed by subscriber', () => {
    expect(json('[{"msisdn":"1"}, {"msisdn":2}, {"msisdn":""}, [], 3]')).toEqual([
      ['1', '{"msisdn":"1"}'],
      [null, '{"msisdn":2}'],
      [null, '{"msisdn":""}'],
      [null, '[]'],
      [null, '3'],
    ]);
  });

  it('takes the key that JSON.parse sees: the last of two', () => {
    expect(json('{"msisdn":"1","msisdn":"2"}')).toEqual([['2', '{"msisdn":"1","msisdn":"2"}']]);
  });

  it('finds no key in a prototype, and none in a text that is far too long', () => {
    expect(json('{"__proto__":{"msisdn":"1"}}')).toEqual([[null, '{"__proto__":{"msisdn":"1"}}']]);
    expect(json(`{"msisdn":"${'1'.repeat(101)}"}`)?.[0]?.[0]).toBeNull();
  });

  it.each(['', ' ', '{', '[1,]', '{"a":NaN}', "{'a':1}", '\ufeff{}', '1 2', '[1', '\u0000'])(
    '%j is not JSON',
    (body) => {
      expect(json(body)).toBeNull();
    },
  );

  it('in another encoding than UTF-8 is not JSON', () => {
    expect(json(Buffer.from('{"a":"é"}', 'latin1'))).toBeNull();
    expect(json(Buffer.from('{"a":1}', 'utf16le'))).toBeNull();
  });

  it('may be nested as deeply as it likes', () => {
    expect(json('['.repeat(100_000) + ']'.repeat(100_000))).toHaveLength(1);
  });
});

describe('a body of lines', () => {
  it('has an event a line', () => {
    expect(lines('{"msisdn":"1"}\n{"msisdn":"2"}')).toEqual([
      ['1', '{"msisdn":"1"}'],
      ['2', '{"msisdn":"2"}'],
    ]);
  });

  it('may end with a line break, and keeps empty lines as empty records', () => {
    expect(lines('a\n')).toEqual([[null, 'a']]);
    expect(lines('\n')).toEqual([[null, '']]);
    expect(lines('a\n\n\nb')).toEqual([
      [null, 'a'],
      [null, ''],
      [null, ''],
      [null, 'b'],
    ]);
    expect(lines('')).toEqual([]);
  });

  it('keeps all bytes of a line, also what is no JSON and no text', () => {
    const bytes = Buffer.from([0x00, 0xff, 0x0d, 0x0a, 0xfe]);
    expect(eventsOfLines(bytes).map(({ value }) => value)).toEqual([
      Buffer.from([0x00, 0xff, 0x0d]),
      Buffer.from([0xfe]),
    ]);
  });

  it('is made of its lines again', () => {
    const line = fc
      .uint8Array({ minLength: 1 })
      .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10)));
    fc.assert(
      fc.property(fc.array(line), (values) => {
        const body = Buffer.concat(values.flatMap((value) => [value, Buffer.from('\n')]));
        expect(
          Buffer.concat(eventsOfLines(body).flatMap(({ value }) => [value!, Buffer.from('\n')])),
        ).toEqual(body);
      }),
    );
  });
});
