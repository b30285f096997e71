import fc from 'fast-check';
import { z } from 'zod';
import { cursorCodec } from './cursor.js';

const position = z.strictObject({ at: z.string(), key: z.string() });
const metrics = cursorCodec('metrics', position);
const anomalies = cursorCodec('anomalies', position);

describe('a cursor', () => {
  it('gives back the position it was made of, and fits a URL as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (at, key) => {
        const cursor = metrics.encode({ at, key });
        expect(metrics.decode(cursor)).toEqual({ at, key });
        expect(encodeURIComponent(cursor)).toBe(cursor);
      }),
    );
  });

  it('of another list does not fit', () => {
    expect(anomalies.decode(metrics.encode({ at: 'a', key: 'b' }))).toBeNull();
  });

  it('that was changed anywhere does not fit', () => {
    const cursor = metrics.encode({ at: '2025-11-08T22:30:00Z', key: 'call' });
    for (let index = 0; index < cursor.length; index++) {
      const other = cursor[index] === 'A' ? 'B' : 'A';
      expect(metrics.decode(cursor.slice(0, index) + other + cursor.slice(index + 1))).toBeNull();
      expect(metrics.decode(cursor.slice(0, index))).toBeNull();
    }
    expect(metrics.decode(`${cursor}A`)).toBeNull();
  });

  it.each(['', 'abc', '%%%', '1', 'eyJhdCI6IiJ9', '../../etc/passwd', '\u0000'])('is not %j', (text) => {
    expect(metrics.decode(text)).toBeNull();
  });

  it('from an older version with another shape does not fit', () => {
    const older = cursorCodec('metrics', z.strictObject({ id: z.string() }));
    expect(metrics.decode(older.encode({ id: '1' }))).toBeNull();
  });
});
