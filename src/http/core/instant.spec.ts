import fc from 'fast-check';
import { formatInstant, instantOfText, isInstant, parseInstant } from './instant.js';

describe('an instant that comes in', () => {
  it.each([
    ['2025-11-08T22:30:00Z', '2025-11-08T22:30:00.000000Z'],
    ['2025-11-08t22:30:00z', '2025-11-08T22:30:00.000000Z'],
    ['2025-11-08T22:30:00.5Z', '2025-11-08T22:30:00.500000Z'],
    ['2025-11-08T22:30:00.123456789Z', '2025-11-08T22:30:00.123456Z'],
    ['2025-11-09T03:30:00+05:00', '2025-11-08T22:30:00.000000Z'],
    ['2025-11-09T03:30:00+0500', '2025-11-08T22:30:00.000000Z'],
    ['2025-11-08T17:00:00-05:30', '2025-11-08T22:30:00.000000Z'],
    ['2025-11-08 22:30:00', '2025-11-08T22:30:00.000000Z'],
    ['2025-11-08T22:30', '2025-11-08T22:30:00.000000Z'],
    ['2025-11-08T22:30Z', '2025-11-08T22:30:00.000000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000000Z'],
  ])('%s is %s', (text, expected) => {
    expect(parseInstant(text)).toBe(expected);
  });

  it('may have lost the + of its offset in a query string', () => {
    expect(parseInstant('2025-11-09T03:30:00 05:00')).toBe('2025-11-08T22:30:00.000000Z');
    expect(parseInstant('2025-11-09 03:30:00 05:00')).toBe('2025-11-08T22:30:00.000000Z');
  });

  it.each([
    '',
    'yesterday',
    '1762641000',
    '2025-02-30',
    '2023-02-29T00:00:00Z',
    '2025-13-01',
    '2025-11-08T24:00:00Z',
    '2025-11-08T22:60:00Z',
    '2025-11-08T22:30:60Z',
    '2025-11-08T22:30:00+24:00',
    '2025-11-08T22:30:00+05:60',
    '2025-11-08T22:30:00.Z',
    '2025-11-08T',
    '2025-11-08Z',
    '0000-06-01',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '12025-11-08',
    '2025-11-08T22:30:00Z\n',
    '٢٠٢٥-11-08',
  ])('%j is not one', (text) => {
    expect(parseInstant(text)).toBeNull();
  });

  const anyDate = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });

  it('is the same whichever way it is written', () => {
    fc.assert(
      fc.property(anyDate, (date) => {
        const read = parseInstant(date.toISOString());
        expect(isInstant(read)).toBe(true);
        expect(new Date(read!).getTime()).toBe(date.getTime());
        expect(parseInstant(formatInstant(date))).toBe(read);
      }),
    );
  });

  it('sorts as a string as it sorts in time', () => {
    fc.assert(
      fc.property(anyDate, anyDate, (a, b) => {
        const [left, right] = [parseInstant(a.toISOString())!, parseInstant(b.toISOString())!];
        expect(left < right).toBe(a.getTime() < b.getTime());
      }),
    );
  });
});

describe('an instant that goes out', () => {
  it('has milliseconds only where there are any', () => {
    expect(formatInstant(new Date('2025-11-08T22:30:00.000Z'))).toBe('2025-11-08T22:30:00Z');
    expect(formatInstant(new Date('2025-11-08T22:30:00.120Z'))).toBe('2025-11-08T22:30:00.120Z');
  });

  it.each([
    ['2025-11-08 22:30:00+00', '2025-11-08T22:30:00Z'],
    ['2025-11-08 22:30:00.12+00', '2025-11-08T22:30:00.120Z'],
    ['2025-11-08 22:30:00.123456+00', '2025-11-08T22:30:00.123Z'],
    ['2025-11-08 22:30:00.000456+00', '2025-11-08T22:30:00Z'],
  ])('of PostgreSQL, %s, is the same without a Date', (text, instant) => {
    expect(instantOfText(text)).toBe(instant);
    expect(formatInstant(new Date(text))).toBe(instant);
  });
});
