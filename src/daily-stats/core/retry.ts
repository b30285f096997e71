export interface RetryRules {
  readonly retries: number;
  /** Milliseconds before the first retry; doubles with each. */
  readonly delayMs: number;
}

/**
 * How long to wait after a failed attempt.
 * @param attempts how many have failed by themselves, this one included
 * @returns milliseconds, at most a day; null when there have been enough
 */
export function retryDelay(attempts: number, { retries, delayMs }: RetryRules): number | null {
  return attempts > retries ? null : Math.min(delayMs * 2 ** (attempts - 1), 86_400_000);
}

/**
 * How long to wait after the replica of an attempt has gone. Not the day's fault, most likely; but should building the day be what
 * ends replicas, they must not all follow each other at once.
 * @param interruptions how many there were before this one
 * @param delayMs BATCH_RETRY_DELAY
 * @returns milliseconds
 */
export const interruptionDelay = (interruptions: number, delayMs: number): number =>
  interruptions === 0 ? 0 : Math.min(1000 * 2 ** (interruptions - 1), delayMs);
