import { controls } from './controls.mjs';
import { mixed } from './mixed.mjs';
import { scenarios } from './scenarios.mjs';
import { UsageError } from './usage.mjs';

/** @type {Record<string, import('./scenarios.mjs').Scenario[]>} */
export const suites = { all: scenarios, controls, short: [mixed, ...controls] };

/**
 * @param {string} names of suites or scenarios, with commas between them
 * @returns {import('./scenarios.mjs').Scenario[]}
 */
export function selected(names) {
  const known = Object.values(suites).flat();
  const found = names.split(',').flatMap((name) => {
    const named = suites[name] ?? known.filter((scenario) => scenario.name === name);
    if (named.length === 0) throw new UsageError(`There is no scenario and no suite ${name}; see --list`);
    return named;
  });
  // A scenario may be in more than one suite.
  return [...new Set(found)];
}
