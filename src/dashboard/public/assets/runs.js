/** What a run of the batch says of itself. No DOM and no clock in here. */

import { formatDuration, formatTime, printable, toMs } from './format.js';

const WAITS = {
  watermark: 'until the watermark has passed the day',
  turn: 'until it is its turn',
  resume: 'until the batch is resumed',
};

/** What it waits for, and why it has failed; empty when there is nothing to say. @param now epoch milliseconds */
export function noteOf({ waitingFor, nextAttemptAt, error }, now) {
  const wait =
    waitingFor === 'retry'
      ? `next attempt ${formatTime(nextAttemptAt, now)}`
      : (WAITS[waitingFor] ?? printable(waitingFor ?? ''));
  const why = error === null ? '' : printable(error);
  return [wait, why].filter((part) => part !== '').join('; ');
}

/** How long its last attempt took, or has been going on. */
export function durationOf({ status, startedAt, finishedAt }, now) {
  const started = toMs(startedAt);
  const ended = status === 'running' ? now : toMs(finishedAt);
  if (started === null || ended === null) return '–';
  const ms = Math.max(0, ended - started);
  return ms < 1000 ? `${Math.round(ms)} ms` : formatDuration(ms);
}

/** `catch up` for `catch_up`. */
export const triggerText = ({ trigger }) => printable(trigger).replaceAll('_', ' ');
