import fc from 'fast-check';
import { splitJsonArray, trimJson } from './split-json-array.js';

const split = (json: string): string[] => splitJsonArray(Buffer.from(json)).map(String);

describe('an array of events', () => {
  it.each<[string, string[]]>([
    ['[]', []],
    [' [ \n ] ', []],
    ['[1]', ['1']],
    ['\t[ 1 ,\r\n 2 ]\n', ['1', '2']],
    ['[[],{}]', ['[]', '{}']],
    ['[[1,2],{"a":[3,4],"b":{"c":5}}]', ['[1,2]', '{"a":[3,4],"b":{"c":5}}']],
    [
      '["a,b","]","[","\\"","\\\\","\\\\\\",",""]',
      ['"a,b"', '"]"', '"["', '"\\""', '"\\\\"', '"\\\\\\","', '""'],
    ],
    ['[null,true,false]', ['null', 'true', 'false']],
  ])('%j', (json, elements) => {
    expect(split(json)).toEqual(elements);
  });

  it('keeps each as it was written', () => {
    const events = [
      '{"a":1e400,"a":12345678901234567890}',
      '{ "__proto__" : {"x":1}, "\\u0041\\ud800":"\\/" }',
      '{"city":"Алматы 😀"}',
      '-0.0E+1',
    ];
    expect(split(`[ ${events.join(' ,\n')} ]`)).toEqual(events);
  });

  it('may be nested as deeply as it likes', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(split(`[${deep},{"a":${deep}}]`)).toEqual([deep, `{"a":${deep}}`]);
  });

  it('gives the elements that JSON.parse sees, however it is printed', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, indent) => {
        const json = JSON.stringify(values, null, indent);
        expect(split(json).map((element) => JSON.parse(element) as unknown)).toEqual(JSON.parse(json));
      }),
    );
  });

  it('is made of its elements again', () => {
    fc.assert(
      fc.property(fc.array(fc.json()), (elements) => {
        expect(split(`[${elements.join(' , ')}]`)).toEqual(elements);
      }),
    );
  });
});

describe('white space around JSON', () => {
  it('is taken off, and nothing else', () => {
    expect(String(trimJson(Buffer.from(' \t\r\n{ } \n')))).toBe('{ }');
    expect(String(trimJson(Buffer.from('\u00a01\u00a0')))).toBe('\u00a01\u00a0');
    expect(trimJson(Buffer.from('  '))).toHaveLength(0);
  });
});
