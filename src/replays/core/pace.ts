/** Anomalies of the first chunk of a job: what becomes of them decides whether the others follow. */
export const CANARY = 100;

/** Share of the canary that has to be applied. */
export const CANARY_SHARE = 0.95;

const MAX_CHUNK = 1000;

/**
 * How many anomalies the next chunk takes.
 * @param done how many were taken before
 * @param ratePerSecond 0 for no limit
 */
export function chunkSize(done: number, ratePerSecond: number): number {
  const paced =
    ratePerSecond === 0 ? MAX_CHUNK : Math.max(1, Math.min(MAX_CHUNK, Math.floor(ratePerSecond / 4)));
  return done < CANARY ? Math.min(paced, CANARY - done) : paced;
}

/** True when the canary has just been taken, and too much of it was rejected. */
export const canaryFails = (applied: number, done: number): boolean =>
  done === CANARY && applied < CANARY * CANARY_SHARE;
