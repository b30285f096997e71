import {
  formatAmount,
  formatCount,
  formatDay,
  formatDuration,
  formatShare,
  formatTime,
  placeText,
  plural,
  printable,
} from './public/assets/format.js';

test.each([
  [1234567, '1,234,567'],
  ['9223372036854775807', '9,223,372,036,854,775,807'],
  [0, '0'],
  [null, '–'],
  ['<b>', '<b>'],
])('formatCount(%p) is %s', (value, expected) => {
  expect(formatCount(value)).toBe(expected);
});

test.each([
  [0, '0'],
  [0.254, '0.25'],
  [71.25, '71.3'],
  [203417.3, '203,417'],
])('formatAmount(%d) is %s', (value, expected) => {
  expect(formatAmount(value)).toBe(expected);
});

test.each([
  [400, '0.4 s'],
  [12_900, '12 s'],
  [184_000, '3 min 04 s'],
  [5 * 3_600_000 + 12 * 60_000, '5 h 12 min'],
  [76 * 3_600_000, '3 d 4 h'],
  [-5, '0.0 s'],
])('formatDuration(%d) is %s', (ms, expected) => {
  expect(formatDuration(ms)).toBe(expected);
});

test('gives the date only with instants of another UTC day', () => {
  const now = Date.parse('2025-11-08T00:30:00Z');
  expect(formatTime('2025-11-08T00:10:15.123Z', now)).toBe('00:10:15');
  expect(formatTime('2025-11-07T23:59:59Z', now)).toBe('2025-11-07 23:59:59');
  expect(formatTime(null, now)).toBe('–');
});

test('names the weekday of a day, in UTC', () => {
  expect(formatDay('2025-11-08')).toBe('2025-11-08, Saturday');
});

test('gives small shares a decimal', () => {
  expect([0, 0.004, 0.093, 0.41, 1].map(formatShare)).toEqual(['0%', '0.4%', '9.3%', '41%', '100%']);
});

test('counts in words', () => {
  expect([plural(1, 'replica'), plural(1200, 'replica')]).toEqual(['1 replica', '1,200 replicas']);
});

test('names a place in the log as Kafka does', () => {
  expect(placeText({ topic: 'telecom_events', partition: 3, offset: '1207' })).toBe('telecom_events-3@1207');
});

describe('printable', () => {
  test.each([
    ['NUL', 'a\0b', 'a⟨U+0000⟩b'],
    ['a turn of direction', 'a\u202Egnp', 'a⟨U+202E⟩gnp'],
    ['a zero-width space', 'a\u200Bb', 'a⟨U+200B⟩b'],
    ['a line separator', 'a\u2028b', 'a⟨U+2028⟩b'],
    ['a lone surrogate', 'a\uD800b', 'a⟨U+D800⟩b'],
    ['a tag character', 'a\u{E0041}', 'a⟨U+E0041⟩'],
  ])('writes out %s', (_, given, expected) => {
    expect(printable(given)).toBe(expected);
  });

  test('leaves letters, emoji and what it is told to keep', () => {
    expect(printable('Şymkent Алматы 😀\n\t', '\n\t')).toBe('Şymkent Алматы 😀\n\t');
  });
});
