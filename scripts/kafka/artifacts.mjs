// @ts-check
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { GuardedProcess } from './guarded-process.mjs';
import { KafkaSetupError } from './kafka-setup-error.mjs';

const POM_FILE = fileURLToPath(new URL('pom.xml', import.meta.url));
const POM = readFileSync(POM_FILE, 'utf8');
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const OLDEST_JAVA = 17; // Kafka 4 brokers refuse less
const DOWNLOAD_TIMEOUT_MS = 15 * 60_000;
const PROGRESS_INTERVAL_MS = 2_000;

export const KAFKA_VERSION = /<kafka.version>(.+?)<\/kafka.version>/.exec(POM)?.[1] ?? 'unknown';

/**
 * Looks for what a local Kafka needs on this machine. Starts nothing but `java -version`.
 * @returns {{ java: string | undefined, maven: string | undefined, missing: string[] }} the commands to run,
 *   and a line for each that is missing. Maven does not count as missing once the jars have been downloaded.
 */
export function findKafkaTools() {
  const javaHome = process.env['JAVA_HOME'];
  const candidates = javaHome ? [path.join(javaHome, 'bin', 'java'), 'java'] : ['java'];
  const java = candidates.find((command) => javaVersion(command) >= OLDEST_JAVA);
  const maven = findOnPath('mvn');
  const missing = [];
  if (!java) missing.push(`Java ${OLDEST_JAVA} or newer (Debian package openjdk-17-jre-headless)`);
  if (!maven && !existsSync(artifactsFolder())) missing.push('Maven (Debian package maven)');
  return { java, maven, missing };
}

/**
 * Downloads Kafka's jars with Maven unless they are in the cache already: `.cache/kafka/` of the repository,
 * or KAFKA_CACHE_DIR. Safe to run in several processes at once, and to interrupt: the folder appears whole or
 * not at all.
 * @param {{ log?: (line: string) => void }} [options] log gets progress lines, only when something is
 *   downloaded
 * @returns {Promise<string>} the classpath
 * @throws {KafkaSetupError} Maven is missing or failed; the first line says what to do, Maven's own words
 *   follow
 */
export async function ensureKafkaArtifacts({ log = () => {} } = {}) {
  const folder = artifactsFolder();
  if (!existsSync(folder)) await download(folder, log);
  return path.join(folder, '*');
}

/**
 * Named after the pom's content: changing a version or an exclusion must never leave old jars on the
 * classpath.
 */
function artifactsFolder() {
  const cache = path.resolve(process.env['KAFKA_CACHE_DIR'] || path.join(REPOSITORY, '.cache', 'kafka'));
  const hash = createHash('sha256').update(POM).digest('hex').slice(0, 8);
  return path.join(cache, `${KAFKA_VERSION}-${hash}`);
}

/**
 * @param {string} folder
 * @param {(line: string) => void} log
 */
async function download(folder, log) {
  const maven = findOnPath('mvn');
  if (!maven)
    throw new KafkaSetupError('Maven is needed to download Apache Kafka: install the Debian package maven.');

  log(`Downloading Apache Kafka ${KAFKA_VERSION} with Maven, once: about 60 MB, kept in ${folder}`);
  mkdirSync(path.dirname(folder), { recursive: true });
  const temp = mkdtempSync(`${folder}.tmp-`); // beside its target, for a rename needs the same file system
  try {
    const jars = path.join(temp, 'jars');
    const output = path.join(temp, 'maven.log');
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${jars}`];
    const args = ['--batch-mode', '-Dstyle.color=never', '--file', POM_FILE, ...goal];
    const run = new GuardedProcess({ command: maven, args, logFile: output, removeWithParent: temp });
    const progress = setInterval(() => log(`  ${downloadProgress(output)}`), PROGRESS_INTERVAL_MS);
    const ending = await run.waitForEnd(DOWNLOAD_TIMEOUT_MS);
    clearInterval(progress);
    await run.kill();
    if (ending !== 'exit code 0') throw mavenFailure(ending, output);
    publish(jars, folder);
    log(`  done, ${downloadProgress(output)}`);
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

/**
 * @param {string} jars
 * @param {string} folder
 */
function publish(jars, folder) {
  try {
    renameSync(jars, folder);
  } catch (error) {
    // Another process was faster: a rename onto a folder with files in it fails, and its jars are as good as
    // ours.
    if (!existsSync(folder)) throw error;
  }
}

/**
 * @param {string | undefined} ending
 * @param {string} outputFile
 */
function mavenFailure(ending, outputFile) {
  const output = readFileSync(outputFile, 'utf8').trimEnd().split('\n');
  const errors = output.filter((line) => line.includes('[ERROR]'));
  const shown = (errors.length > 0 ? errors : output).slice(-15).map((line) => `  ${line}`);
  return new KafkaSetupError(
    `Apache Kafka could not be downloaded (mvn: ${ending ?? 'no answer in 15 minutes'}). ` +
      `Check that mvn reaches Maven Central, then run this again. Maven said:\n${shown.join('\n')}`,
  );
}

/**
 * Only counts: Maven's lines hold whole URLs, two for each of the 360 files.
 * @param {string} outputFile
 */
function downloadProgress(outputFile) {
  const bytesOf = { B: 1, kB: 1e3, MB: 1e6 };
  let files = 0;
  let bytes = 0;
  for (const match of readFileSync(outputFile, 'utf8').matchAll(/Downloaded from .+ \(([\d.]+) (B|kB|MB)/g)) {
    files += 1;
    bytes += Number(match[1]) * bytesOf[/** @type {'B' | 'kB' | 'MB'} */ (match[2])];
  }
  return `${files} files, ${(bytes / 1e6).toFixed(1)} MB downloaded`;
}

/** @param {string} command */
function javaVersion(command) {
  const { stderr } = spawnSync(command, ['-version'], { encoding: 'utf8' });
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
}

/** @param {string} name */
function findOnPath(name) {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter(Boolean);
  return folders.map((folder) => path.join(folder, name)).find(isExecutable);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
