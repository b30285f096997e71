import { durationOf, noteOf, triggerText } from './public/assets/runs.js';

const now = Date.parse('2025-11-08T10:00:00Z');

test.each([
  ['nothing', { waitingFor: null, error: null }, ''],
  ['the watermark', { waitingFor: 'watermark', error: null }, 'until the watermark has passed the day'],
  ['what is new', { waitingFor: 'the_moon', error: null }, 'the_moon'],
  ['why it failed', { waitingFor: null, error: 'disk full\u202E' }, 'disk full⟨U+202E⟩'],
  [
    'when it is tried again, and why',
    { waitingFor: 'retry', nextAttemptAt: '2025-11-08T10:05:00Z', error: 'disk full' },
    'next attempt 10:05:00; disk full',
  ],
])('notes %s', (_, run, expected) => {
  expect(noteOf({ nextAttemptAt: null, ...run }, now)).toBe(expected);
});

test.each([
  ['waiting', null, null, '–'],
  ['succeeded', '2025-11-08T09:00:00.031Z', '2025-11-08T09:00:00.058Z', '27 ms'],
  ['failed', '2025-11-08T09:00:00Z', '2025-11-08T09:01:05Z', '1 min 05 s'],
  ['running', '2025-11-08T09:59:48Z', null, '12 s'],
])('a run that is %s, from %s to %s, took %s', (status, startedAt, finishedAt, expected) => {
  expect(durationOf({ status, startedAt, finishedAt }, now)).toBe(expected);
});

test('writes a trigger in words', () => {
  expect(triggerText({ trigger: 'catch_up' })).toBe('catch up');
});
