/**
 * The oracle's rules for an environment of the service, with the defaults of the service.
 * @param {Record<string, string>} env durations as the service has them: 90s, 7d
 * @returns {import('./oracle.mjs').Rules}
 */
export function rulesOf({ LATE_EVENTS = 'amend', MAX_LATENESS = '7d', DEDUPLICATION_WINDOW = '10m' }) {
  return {
    maxEventBytes: 1_048_576,
    maxLatenessMs: milliseconds(MAX_LATENESS),
    watermarkDelayMs: 60_000,
    lateEvents: /** @type {'amend' | 'divert'} */ (LATE_EVENTS),
    deduplicationMs: milliseconds(DEDUPLICATION_WINDOW),
  };
}

function milliseconds(duration) {
  const [, count, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(duration) ?? [duration, 0, 's'];
  return Number(count) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
}
