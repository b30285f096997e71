// @ts-check
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ensureKafkaArtifacts, findKafkaTools } from './artifacts.mjs';

// A stand-in for mvn: these tests are about what we do with Maven, and must not download 60 MB each.
describe('Kafka artifacts', () => {
  const savedEnv = { ...process.env };
  /** @type {string} */
  let temp;
  /** @type {string} */
  let cache;

  beforeEach(() => {
    temp = mkdtempSync(path.join(tmpdir(), 'kafka-artifacts-test-'));
    cache = path.join(temp, 'cache');
    mkdirSync(path.join(temp, 'bin'));
    process.env['KAFKA_CACHE_DIR'] = cache;
    process.env['PATH'] = `${path.join(temp, 'bin')}${path.delimiter}${savedEnv['PATH']}`;
  });
  afterEach(() => {
    process.env = { ...savedEnv };
    rmSync(temp, { recursive: true });
  });

  /** @param {string} script */
  function fakeMaven(script) {
    const file = path.join(temp, 'bin', 'mvn');
    writeFileSync(
      file,
      `#!/bin/sh\nfor arg; do case $arg in -DoutputDirectory=*) out=\${arg#*=};; esac; done\n${script}\n`,
    );
    chmodSync(file, 0o755);
  }

  it('downloads once, and gives the classpath', async () => {
    fakeMaven(`mkdir -p "$out"; touch "$out/kafka.jar"; echo run >> "${temp}/runs"`);
    const classpath = await ensureKafkaArtifacts();
    assert.equal(await ensureKafkaArtifacts(), classpath);
    assert.equal(path.basename(classpath), '*');
    assert.deepEqual(readdirSync(path.dirname(classpath)), ['kafka.jar']);
    assert.deepEqual(readdirSync(temp).includes('runs') && readdirSync(cache).length, 1);
  });

  it('gives the same folder to two that download at once', async () => {
    fakeMaven('mkdir -p "$out"; touch "$out/kafka.jar"; sleep 0.3');
    const [one, two] = await Promise.all([ensureKafkaArtifacts(), ensureKafkaArtifacts()]);
    assert.equal(one, two);
    assert.equal(readdirSync(cache).length, 1);
  });

  it('says what to do when Maven fails, shows its words, and leaves nothing half done', async () => {
    fakeMaven('mkdir -p "$out"; touch "$out/half.jar"; echo "[INFO] noise"; echo "[ERROR] no route"; exit 1');
    await assert.rejects(ensureKafkaArtifacts(), (/** @type {Error} */ error) => {
      assert.match(
        error.message,
        /^Apache Kafka could not be downloaded .*Check that mvn reaches Maven Central.*\n {2}\[ERROR\] no route$/,
      );
      return true;
    });
    assert.deepEqual(readdirSync(cache), []);
  });

  it('names the Debian packages of what is missing', async () => {
    process.env['PATH'] = path.join(temp, 'bin');
    delete process.env['JAVA_HOME'];
    const tools = findKafkaTools();
    assert.deepEqual([tools.java, tools.maven], [undefined, undefined]);
    assert.match(tools.missing.join(), /openjdk-17-jre-headless.*maven/);
    await assert.rejects(ensureKafkaArtifacts(), /install the Debian package maven/);
  });

  it('does not take an old Java', () => {
    process.env['PATH'] = path.join(temp, 'bin');
    delete process.env['JAVA_HOME'];
    const java = path.join(temp, 'bin', 'java');
    writeFileSync(java, `#!/bin/sh\necho 'openjdk version "11.0.2"' >&2\n`);
    chmodSync(java, 0o755);
    assert.equal(findKafkaTools().java, undefined);
  });
});
