// @ts-check
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { controls, failpoints } from './patch-catalogue.mjs';

/** @typedef {import('./patch-catalogue.mjs').Patch} Patch */

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Runs in the patched service. */
const FAILPOINT = `
import { writeSync } from 'node:fs';

const wanted = new Map(
  (process.env.FAILPOINT ?? '').split(',').filter(Boolean).map((text) => {
    const [name, times = '1', action = 'SIGKILL'] = text.split(':');
    return [name, { left: Number(times), action }];
  }),
);

export function passes(name) {
  const point = wanted.get(name);
  if (!point || --point.left !== 0) return;
  writeSync(2, \`FAILPOINT \${name}: \${point.action}\\n\`);
  if (point.action === 'throw') throw new Error(\`failpoint \${name}\`);
  process.kill(process.pid, point.action);
}
`;

/**
 * A copy of the built service with failpoints in it, and with a bolt less when one is named. The service itself has no hooks for
 * tests.
 * @param {object} [options]
 * @param {string} [options.control] name of one of {@link controls}
 * @param {string} [options.dist] what is copied; default: the project's own
 * @returns {{ dist: string, main: string, remove: () => void }} the folder, and what node is to run; everything in it ends with
 *   `remove`
 * @throws when the service has changed so that a patch no longer fits: then the patch has to follow
 */
export function patchedService({ control, dist = path.join(ROOT, 'dist') } = {}) {
  const removed = control === undefined ? undefined : controls[control];
  if (control !== undefined && !removed) throw new Error(`There is no control ${control}`);
  // In the project's folder, so that its packages are found.
  const cache = path.join(ROOT, '.cache', 'patched');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, `${control ?? 'failpoints'}-`));
  const copy = path.join(folder, 'dist');
  try {
    cpSync(dist, copy, { recursive: true });
    // Says that these are ES modules, and the version to /docs.
    cpSync(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
    writeFileSync(path.join(copy, 'failpoint.js'), FAILPOINT);
    const points = Object.values(failpoints);
    for (const patch of [...points, ...(removed?.patches ?? [])]) apply(copy, patch);
    for (const file of new Set(points.map((patch) => patch.file)))
      importFailpoint(path.join(copy, file), copy);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    dist: copy,
    main: path.join(copy, 'main.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** @param {string} folder @param {Patch} patch */
function apply(folder, { file, anchor, replacement }) {
  const name = path.join(folder, file);
  const parts = readFileSync(name, 'utf8').split(anchor);
  if (parts.length !== 2)
    throw new Error(
      `dist/${file} has ${parts.length - 1} times "${anchor}", not once: chaos/patch-catalogue.mjs has to follow`,
    );
  writeFileSync(name, parts.join(replacement));
}

/** @param {string} name @param {string} folder */
function importFailpoint(name, folder) {
  const source = path.relative(path.dirname(name), path.join(folder, 'failpoint.js'));
  const specifier = source.startsWith('.') ? source : `./${source}`;
  writeFileSync(name, `import { passes } from '${specifier}';\n${readFileSync(name, 'utf8')}`);
}
