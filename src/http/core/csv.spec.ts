import { toCsv } from './csv.js';

describe('CSV', () => {
  it('has a header row even without rows', () => {
    expect(toCsv(['a', 'b'], [])).toBe('a,b\n');
  });

  it('quotes separators, quotes and line breaks', () => {
    expect(toCsv(['a'], [{ a: 'x,y' }, { a: 'say "hi"' }, { a: 'two\nlines' }])).toBe(
      'a\n"x,y"\n"say ""hi"""\n"two\nlines"\n',
    );
  });

  it('writes numbers, booleans, nothing and objects', () => {
    expect(toCsv(['n', 'm', 't', 'z', 'o'], [{ n: 1.5, m: -2, t: false, z: null, o: { k: [1] } }])).toBe(
      'n,m,t,z,o\n1.5,-2,false,,"{""k"":[1]}"\n',
    );
  });

  it.each([
    '=1+1',
    '+7701',
    '-1',
    '@SUM(A1)',
    '\t=1',
    ' =1',
    '\u200b=1',
    '\ufeff=cmd|calc!A1',
    '＝1+1',
    '\rx',
    '\nx',
  ])('takes the power from the formula %j', (text) => {
    expect(
      toCsv(['a'], [{ a: text }])
        .slice(2)
        .replace(/^"/, '')
        .startsWith("'"),
    ).toBe(true);
  });

  it.each(['call', 'a=b', '2025-11-08T22:30:00Z', 'Алматы', '😀'])('leaves %j alone', (text) => {
    expect(toCsv(['a'], [{ a: text }])).toBe(`a\n${text}\n`);
  });
});
