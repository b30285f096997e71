import { parseArgs } from 'node:util';

/** A command line that cannot be followed. */
export class UsageError extends Error {}

/**
 * The options of a command line; one that cannot be followed ends the process with code 2 and says why in one line.
 * @template T
 * @param {() => T} read
 * @returns {T}
 */
export function orUsage(read) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError) && !error.code?.startsWith('ERR_PARSE_ARGS')) throw error;
    console.error(error.message);
    process.exit(2);
  }
}

/**
 * @template {NonNullable<import('node:util').ParseArgsConfig['options']>} T
 * @param {T} options
 */
export const optionsOf = (options) => orUsage(() => parseArgs({ options }).values);

/**
 * @param {string} name of the option
 * @param {string | undefined} value
 * @param {{ least: number, whole?: boolean }} bounds
 * @returns the number; undefined where the option is not given
 */
export function numberOf(name, value, { least, whole = true }) {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (
    value.trim() === '' ||
    !(number >= least) ||
    number === Infinity ||
    (whole && !Number.isInteger(number))
  )
    throw new UsageError(`--${name} is a ${whole ? 'whole ' : ''}number of ${least} or more, not ${value}`);
  return number;
}
