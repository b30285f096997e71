/**
 * Why a day is built, in the order in which waiting runs are taken: whoever asks by hand goes first, then yesterday, and
 * a long catch-up or backfill holds nobody up.
 */
export const triggers = ['manual', 'scheduled', 'stale', 'catch_up', 'backfill'] as const;
export type Trigger = (typeof triggers)[number];

/** `waiting` also covers a run that is waiting for its next attempt. */
export const runStatuses = ['waiting', 'running', 'succeeded', 'failed'] as const;
export type RunStatus = (typeof runStatuses)[number];
