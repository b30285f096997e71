// Makes a fresh clone runnable: checks Node, installs what the lock file says, and builds with --build.
// Runs before anything is installed, so it uses nothing but Node, and syntax that old versions can still parse.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const path = (...parts) => join(root, ...parts);

function fail(message) {
  console.error(`\n${message}\n`);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(
    `Node.js ${process.versions.node} is too old: install Node.js 20.19 or newer (22 or 24 are fine too).`,
  );
}

function checkWritable() {
  try {
    accessSync(root, constants.W_OK);
  } catch {
    fail(`No permission to write to ${root}: clone the project into a folder of your own.`);
  }
}

const readJson = (file) => JSON.parse(readFileSync(path(file), 'utf8'));

/** True when node_modules holds exactly the versions of the lock file (packages for other platforms aside). */
function isInstalled() {
  if (!existsSync(path('node_modules', '.package-lock.json'))) return false;
  const wanted = readJson('package-lock.json').packages;
  const installed = readJson('node_modules/.package-lock.json').packages;
  return Object.entries(wanted).every(
    ([name, { version, optional }]) =>
      name === '' || installed[name]?.version === version || (optional && !installed[name]),
  );
}

/** Nothing of it goes to stdout, which belongs to the command that comes after. */
function run(what, command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['inherit', 2, 2] });
  if (status !== 0)
    fail(`${what} failed${error ? `: ${error.message}` : ''}. See the lines above; then start again.`);
}

function install() {
  if (isInstalled()) return;
  console.error('Installing packages (about a minute the first time) …');
  const npm = process.env.npm_execpath;
  const args = [
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--progress=true',
  ];
  if (npm) run('npm ci', process.execPath, [npm, ...args]);
  else run('npm ci', process.platform === 'win32' ? 'npm.cmd' : 'npm', args);
}

function filesBelow(folder) {
  return readdirSync(path(folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** A digest of all that goes into dist/, so that it is rebuilt exactly when something changed. */
function sourceDigest() {
  const hash = createHash('sha256');
  for (const file of [
    ...filesBelow('src'),
    path('tsconfig.json'),
    path('tsconfig.build.json'),
    path('package-lock.json'),
  ])
    hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex');
}

function build() {
  const stamp = path('dist', '.digest');
  const digest = sourceDigest();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  console.error('Building …');
  rmSync(path('dist'), { recursive: true, force: true });
  run('The build', process.execPath, [
    path('node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
  run('Copying the dashboard', process.execPath, [path('scripts', 'copy-assets.mjs')]);
  writeFileSync(stamp, digest);
}

checkNode();
checkWritable();
install();
if (process.argv.includes('--build')) build();
