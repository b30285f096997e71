import fc from 'fast-check';
import { escapeForm, tellingTrigrams, trigramsOf } from './trigrams.js';

describe('escapeForm', () => {
  it('is that of PostgreSQL', () => {
    expect(escapeForm(Buffer.from('a\\b\0Я\n'))).toBe('a\\\\b\\000\\320\\257\n');
  });
});

describe('trigramsOf', () => {
  it('has no blanks where a word may go on beyond the term', () => {
    expect(list('Almaty')).toEqual(['alm', 'lma', 'mat', 'aty']);
    expect(list('"call"')).toEqual(['  c', ' ca', 'cal', 'all', 'll ']);
    expect(list('type: 7')).toEqual(['typ', 'ype', 'pe ', '  7']);
    expect(list('ab-c-de')).toEqual(['ab ', '  c', ' c ', '  d', ' de']);
  });

  it('has none of what is too short, or no word', () => {
    for (const term of ['', '7', 'ab', '%_', '": "']) expect(list(term)).toEqual([]);
  });

  it('has those of bytes beyond ASCII', () => {
    expect(list(escapeForm(Buffer.from('Я')))).toEqual(['  3', ' 32', '320', '20 ', '  2', ' 25', '257']);
  });

  it('only has trigrams that every text has which holds the term', () => {
    const unit = fc.constantFrom('a', 'B', '7', '0', ' ', '"', '_', '%', '\\', 'Я', '\n');
    const text = fc.string({ unit, maxLength: 12 });
    fc.assert(
      fc.property(text, text, text, (before, term, after) => {
        const escape = (value: string): string => escapeForm(Buffer.from(value));
        const all = allTrigrams(escape(before + term + after));
        for (const trigram of trigramsOf(escape(term))) expect(all).toContain(trigram);
      }),
    );
  });
});

describe('tellingTrigrams', () => {
  const call = trigramsOf('call 7701');

  it('are the rarest of a sample, eight at most', () => {
    expect(tellingTrigrams(call, ['call 99', 'all 7702', 'sms'])).toEqual([
      '701', // in none
      ...['cal', '  7', ' 77', '770'], // in one
      ...['all', 'll '], // in two
    ]);
    expect(tellingTrigrams(trigramsOf('abcdefghijklmnop'), ['abcdef'])).toEqual([
      'efg',
      'fgh',
      'ghi',
      'hij',
      'ijk',
      'jkl',
      'klm',
      'lmn',
    ]);
    expect(tellingTrigrams(call, [])).toHaveLength(7);
  });

  it('are none when more than a quarter of the sample have them all', () => {
    expect(tellingTrigrams(call, ['a call 7701', 'sms', 'sms'])).toBeNull();
    expect(tellingTrigrams(call, ['a call 7701', 'sms', 'sms', 'sms'])).not.toBeNull();
  });
});

const list = (term: string): string[] => [...trigramsOf(term)];

/** What pg_trgm makes of an ASCII text. */
function allTrigrams(text: string): Set<string> {
  const words = text.toLowerCase().match(/[0-9a-z]+/g) ?? [];
  return new Set(
    words.flatMap((word) =>
      Array.from({ length: word.length + 1 }, (_, index) => `  ${word} `.slice(index, index + 3)),
    ),
  );
}
