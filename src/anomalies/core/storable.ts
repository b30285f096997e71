const NUL = '\0';
const REPLACEMENT = '\uFFFD';

/** Deeper JSON is not worth a look, and PostgreSQL's parser has a bounded stack. */
const MAX_DEPTH = 200;

/**
 * The text as PostgreSQL can hold it: NUL characters and lone surrogates become U+FFFD. The number of characters
 * stays the same.
 */
export function storableText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes(NUL) ? wellFormed.replaceAll(NUL, REPLACEMENT) : wellFormed;
}

/**
 * JSON text of a parsed value as PostgreSQL's jsonb can hold it, or null when it is nested too deeply.
 * What jsonb cannot hold (NUL, lone surrogates) becomes U+FFFD; the event's own bytes are kept beside it.
 */
export function storableJson(value: unknown): string | null {
  if (isDeeperThan(value, MAX_DEPTH)) return null;
  // Well-formed JSON.stringify writes both as escapes; the alternation steps over escaped backslashes.
  return JSON.stringify(value).replace(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g, (escape) =>
    escape.length === 6 && /^\\u(?:0000|d[89a-f])/.test(escape) ? REPLACEMENT : escape,
  );
}

/** Level by level rather than by recursion: the value may be nested a hundred thousand times. */
function isDeeperThan(value: unknown, depth: number): boolean {
  let level = [value];
  for (let at = 0; level.length > 0; at++) {
    if (at > depth) return true;
    level = level.flatMap((item) =>
      typeof item === 'object' && item !== null ? (Object.values(item) as unknown[]) : [],
    );
  }
  return false;
}
