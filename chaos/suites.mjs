import { controls } from './controls.mjs';
import { mixed } from './mixed.mjs';
import { scenarios } from './scenarios.mjs';

/** @type {Record<string, import('./scenarios.mjs').Scenario[]>} */
export const suites = { all: scenarios, controls, short: [mixed, ...controls] };

/**
 * @param {string} names of suites or scenarios, with commas between them
 * @returns {import('./scenarios.mjs').Scenario[]}
 */
export function selected(names) {
  return names.split(',').flatMap((name) => {
    const found =
      suites[name] ??
      Object.values(suites)
        .flat()
        .filter((scenario) => scenario.name === name);
    if (found.length === 0) throw new Error(`There is no scenario and no suite ${name}; see --list`);
    return found;
  });
}
