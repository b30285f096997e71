// @ts-check
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { answersApiVersions, HOST, isPortFree, pickFreePort } from './ports.mjs';
import { needsKafka, runNode, until } from './helpers-for-tests.mjs';

const MAIN = fileURLToPath(new URL('main.mjs', import.meta.url));

describe('npm run kafka', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'kafka-main-test-'));
  after(() => rmSync(dataDir, { recursive: true }));

  it('runs until Ctrl-C, keeps the data and says how to use it', needsKafka, async () => {
    const port = await pickFreePort();
    const kafka = runNode([MAIN], { KAFKA_PORT: String(port), KAFKA_DATA_DIR: dataDir });
    await until(
      'the address is printed',
      () => kafka.stdout.includes('stop it:') || kafka.child.exitCode !== null,
      120_000,
    );
    assert.match(kafka.stdout, new RegExp(`KAFKA_BROKERS=127.0.0.1:${port} npm start`), kafka.stderr);
    assert.equal(await answersApiVersions(port), true);

    kafka.child.kill('SIGINT');
    assert.equal(await kafka.ended, 0);
    assert.equal(await isPortFree(port), true);
    assert.equal(existsSync(path.join(dataDir, 'data', 'meta.properties')), true);
  });

  it('ends with one clear line when the port is in use', needsKafka, async (test) => {
    const port = await pickFreePort();
    const server = createServer().listen(port, HOST);
    test.after(() => server.close());
    const kafka = runNode([MAIN], { KAFKA_PORT: String(port), KAFKA_DATA_DIR: dataDir });
    assert.equal(await kafka.ended, 1);
    assert.match(
      kafka.stderr,
      new RegExp(`^Port ${port} on 127.0.0.1 is already in use. .*KAFKA_PORT=.*\n$`),
    );
  });

  it('ends with one clear line when KAFKA_PORT is no port', async () => {
    const kafka = runNode([MAIN], { KAFKA_PORT: 'ninety', KAFKA_DATA_DIR: dataDir });
    assert.equal(await kafka.ended, 1);
    assert.match(kafka.stderr, /^KAFKA_PORT must be a port number, .*'ninety'.\n$/);
  });

  it('ends with one clear line when Java and Maven are missing', async () => {
    const env = {
      PATH: dataDir,
      JAVA_HOME: '',
      KAFKA_CACHE_DIR: path.join(dataDir, 'cache'),
      KAFKA_PORT: '0',
    };
    const kafka = runNode([MAIN], env);
    assert.equal(await kafka.ended, 1);
    assert.match(
      kafka.stderr,
      /^A local Kafka needs Java 17 .*openjdk-17-jre-headless.* and Maven .*maven.*\n$/,
    );
  });
});
