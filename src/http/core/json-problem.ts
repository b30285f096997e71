/** Deeper ones cannot be written again, or take the stack of whoever tries. */
const MAX_DEPTH = 100;

/**
 * What is wrong with a JSON value that came in a body and is to be written out again as it was meant.
 * @param storable whether it has to fit PostgreSQL's jsonb, which knows neither NUL characters nor halves of characters
 * @returns null for a value that is fine
 */
export function jsonProblem(value: unknown, storable: boolean, depth = 0): string | null {
  if (typeof value === 'string') return storable ? textProblem(value) : null;
  // 1e400 is JSON, but no finite number; it would be written as null.
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'must hold only finite numbers';
  if (typeof value !== 'object' || value === null) return null;
  if (depth === MAX_DEPTH) return `must not be nested more than ${MAX_DEPTH} deep`;
  for (const [key, member] of Object.entries(value)) {
    // JavaScript would take it for something else.
    if (key === '__proto__') return 'must not name __proto__';
    const problem = (storable ? textProblem(key) : null) ?? jsonProblem(member, storable, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}

const textProblem = (text: string): string | null =>
  text.includes('\0') || !text.isWellFormed()
    ? 'must not hold NUL characters, nor halves of characters'
    : null;
