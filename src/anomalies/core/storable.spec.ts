import fc from 'fast-check';
import { storableJson, storableText } from './storable.js';

describe('storableText', () => {
  it('replaces what PostgreSQL cannot hold, character for character', () => {
    expect(storableText('a\0b\uD800c')).toBe('a\uFFFDb\uFFFDc');
    expect(storableText('Алматы 😀')).toBe('Алматы 😀');
  });
});

describe('storableJson', () => {
  it('replaces NUL and lone surrogates but no escaped backslash before such letters', () => {
    const json = storableJson({ a: '\0', b: '\uDC00', c: '\\u0000', d: '\\\\ud800', '\0': 1 });
    expect(JSON.parse(json!)).toEqual({
      a: '\uFFFD',
      b: '\uFFFD',
      c: '\\u0000',
      d: '\\\\ud800',
      '\uFFFD': 1,
    });
  });

  it('keeps a pair of surrogates', () => {
    expect(JSON.parse(storableJson({ a: '😀' })!)).toEqual({ a: '😀' });
  });

  it('gives up on deep nesting instead of overflowing a stack', () => {
    expect(storableJson(JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)))).toBeNull();
    expect(storableJson(JSON.parse('['.repeat(150) + ']'.repeat(150)))).toBe(
      '['.repeat(150) + ']'.repeat(150),
    );
  });

  it('gives JSON without NUL or lone surrogates for any value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.string({ unit: 'binary' }), (value, text) => {
        const json = storableJson({ value, text });
        if (json === null) return;
        expect(json.isWellFormed()).toBe(true);
        expect(json).not.toMatch(/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i);
        JSON.parse(json);
      }),
    );
  });
});
