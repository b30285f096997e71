import fc from 'fast-check';
import { JsonText, stringifyExactly } from './json-text.js';

describe('JSON that goes out as it came in', () => {
  it('keeps every byte', () => {
    const text = '{"a" : 1e400, "a":12345678901234567890, "__proto__":null,"s":"\\u0000$&$1"}';
    expect(stringifyExactly({ id: '1', eventData: new JsonText(text), next: null })).toBe(
      `{"id":"1","eventData":${text},"next":null}`,
    );
  });

  it('is like JSON.stringify otherwise', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(stringifyExactly(value)).toBe(JSON.stringify(value));
        expect(JSON.parse(stringifyExactly([new JsonText(JSON.stringify(value)), value]))).toEqual(
          JSON.parse(JSON.stringify([value, value])),
        );
      }),
    );
  });
});
