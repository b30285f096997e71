import fc from 'fast-check';
import { parseTimestamp } from './timestamp.js';

const micros = (iso: string): number => Date.parse(iso) * 1000;

describe('parseTimestamp', () => {
  it.each([
    ['2025-11-08T10:15:30.123456Z', micros('2025-11-08T10:15:30Z') + 123_456],
    ['2025-11-08T10:15:30Z', micros('2025-11-08T10:15:30Z')],
    ['2025-11-08T10:15:30', micros('2025-11-08T10:15:30Z')],
    ['2025-11-08 10:15:30.5', micros('2025-11-08T10:15:30.500Z')],
    ['2025-11-08T10:15:30.1234569Z', micros('2025-11-08T10:15:30Z') + 123_456],
    ['2025-11-08T10:15:30.123456789012345678Z', micros('2025-11-08T10:15:30Z') + 123_456],
    ['2025-11-08T10:15:30+05:00', micros('2025-11-08T05:15:30Z')],
    ['2025-11-08T10:15:30.25-09:30', micros('2025-11-08T19:45:30.250Z')],
    ['2024-02-29T00:00:00Z', micros('2024-02-29T00:00:00Z')],
    ['2000-01-01T00:00:00+14:00', micros('1999-12-31T10:00:00Z')],
    ['9999-12-31T23:59:59Z', micros('9999-12-31T23:59:59Z')],
  ])('reads %s', (text, expected) => {
    expect(parseTimestamp(text)).toBe(expected);
  });

  it.each([
    '',
    'now',
    '1999-12-31T23:59:59Z',
    '2025-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2025-00-01T00:00:00Z',
    '2025-01-00T00:00:00Z',
    '2025-11-08T24:00:00Z',
    '2025-11-08T23:60:00Z',
    '2025-11-08T23:59:60Z',
    '2025-11-08T10:15Z',
    '2025-11-08T10:15:30.Z',
    '2025-11-08T10:15:30,5Z',
    '2025-11-08T10:15:30z',
    '2025-11-08t10:15:30Z',
    '2025-11-08T10:15:30+0500',
    '2025-11-08T10:15:30+05',
    '2025-11-08T10:15:30+24:00',
    '2025-11-08T10:15:30+05:60',
    '2025-11-08T10:15:30Z ',
    ' 2025-11-08T10:15:30Z',
    '2025-11-08T10:15:30ZZ',
    '2025-1-08T10:15:30Z',
    '+2025-11-08T10:15:30Z',
    '20251108T101530Z',
    '1762596930',
    '２０２５-11-08T10:15:30Z',
  ])('refuses "%s"', (text) => {
    expect(parseTimestamp(text)).toBeNaN();
  });

  it('agrees with Date on every valid instant', () => {
    fc.assert(
      fc.property(
        fc.date({
          min: new Date('2000-01-01T00:00:00Z'),
          max: new Date('9999-12-31T23:59:59.999Z'),
          noInvalidDate: true,
        }),
        (date) => {
          expect(parseTimestamp(date.toISOString())).toBe(date.getTime() * 1000);
        },
      ),
    );
  });

  it('gives NaN, and never throws, on any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseTimestamp(text)).toBeNaN();
      }),
    );
  });
});
