import fc from 'fast-check';
import { hashEventId, idHigh, idLow } from './event-id.js';

const hashOf = (text: string): string => {
  const bytes = Buffer.from(text);
  hashEventId(bytes, 0, bytes.length);
  return `${idHigh} ${idLow}`;
};

describe('the hash of an event id', () => {
  it('is that of its bytes, wherever they stand', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.uint8Array(), fc.uint8Array(), (id, before, after) => {
        const bytes = Buffer.from(id);
        const around = Buffer.concat([before, bytes, after]);
        hashEventId(around, before.length, before.length + bytes.length);
        expect(`${idHigh} ${idLow}`).toBe(hashOf(id));
      }),
    );
  });

  it('is 0 and 0 for no id, and only for that', () => {
    expect(hashOf('')).toBe('0 0');
    fc.assert(fc.property(fc.string({ minLength: 1 }), (id) => hashOf(id) !== '0 0'));
  });

  it('differs for ids that are alike', () => {
    const alike = [
      '',
      'a',
      'aa',
      'aaa',
      'aaaa',
      'aaaaa',
      '\0',
      '\0\0',
      '\0\0\0\0',
      '\0\0\0\0\0',
      'A',
      'aaab',
      'baaa',
    ];
    expect(new Set(alike.map(hashOf)).size).toBe(alike.length);
  });

  it('has all of its bits from all of the id: of 200,000 counted ids no half is shared more often than by chance', () => {
    const count = 200_000;
    const highs = new Set<number>();
    const lows = new Set<number>();
    for (let n = 0; n < count; n++) {
      hashOf(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
      highs.add(idHigh);
      lows.add(idLow);
    }
    // By chance some n²/2^33 = 4.7 are shared; 20 or more happen once in 10 million times.
    expect(count - highs.size).toBeLessThan(20);
    expect(count - lows.size).toBeLessThan(20);
  });

  it('changes half of its bits when one bit of the id changes', () => {
    const id = Buffer.from('5d9dc9f8-1818-4811-892f-902bd23f0824');
    hashEventId(id, 0, id.length);
    const [high, low] = [idHigh, idLow];
    let changed = 0;
    for (let bit = 0; bit < id.length * 8; bit++) {
      const other = Buffer.from(id);
      other[bit >> 3]! ^= 1 << (bit & 7);
      hashEventId(other, 0, other.length);
      const bits = ones(high ^ idHigh) + ones(low ^ idLow);
      expect(bits).toBeGreaterThan(8);
      changed += bits;
    }
    expect(changed / (id.length * 8)).toBeGreaterThan(31);
    expect(changed / (id.length * 8)).toBeLessThan(33);
  });
});

const ones = (word: number): number => (word >>> 0).toString(2).replaceAll('0', '').length;
