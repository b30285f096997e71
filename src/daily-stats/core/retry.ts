export interface RetryRules {
  readonly retries: number;
  /** Milliseconds before the first retry; doubles with each. */
  readonly delayMs: number;
}

/**
 * How long to wait after a failed attempt.
 * @param attempts how many there were, this one included
 * @returns milliseconds, at most a day; null when there have been enough
 */
export function retryDelay(attempts: number, { retries, delayMs }: RetryRules): number | null {
  return attempts > retries ? null : Math.min(delayMs * 2 ** (attempts - 1), 86_400_000);
}
