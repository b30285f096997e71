// @ts-check
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KafkaBroker } from './broker.mjs';
import { answersApiVersions, HOST, isPortFree, pickFreePort } from './ports.mjs';
import { isAlive, needsKafka, runNode, until } from './helpers-for-tests.mjs';

describe('KafkaBroker', needsKafka, () => {
  describe('a started broker', () => {
    /** @type {KafkaBroker} */
    let broker;
    before(async () => (broker = await KafkaBroker.start({ fastStart: true })));
    after(() => broker.stop());

    it('answers the API handshake on its address', async () => {
      assert.equal(broker.bootstrapServers, `127.0.0.1:${broker.port}`);
      assert.equal(await answersApiVersions(broker.port), true);
      assert.equal(isAlive(broker.pid), true);
    });

    it('is silent but not gone while paused, and answers again after resume', async () => {
      broker.pause();
      // SIGSTOP reaches the threads of a process one by one: the first handshake may still be answered.
      await until('silence', async () => !(await answersApiVersions(broker.port, 500)));
      assert.equal(await isPortFree(broker.port), false);
      broker.resume();
      await until('an answer after resume', () => answersApiVersions(broker.port));
    });

    it('keeps its data, port and folder over kill and restart', async () => {
      const { clusterId, dir, pid, port } = broker;
      await broker.kill();
      assert.equal(isAlive(pid), false);
      assert.equal(await isPortFree(port), true);

      await broker.restart();
      assert.notEqual(broker.pid, pid);
      assert.match(String(clusterId), /^[\w-]{22}$/);
      assert.deepEqual([broker.clusterId, broker.dir, broker.port], [clusterId, dir, port]);
      assert.equal(await answersApiVersions(port), true);
    });

    it('leaves no process and no temporary folder after stop, even when paused before', async () => {
      const { dir, pid } = broker;
      broker.pause();
      await broker.stop();
      assert.equal(isAlive(pid), false);
      assert.equal(existsSync(dir), false);
      assert.equal(broker.isRunning, false);
      await broker.stop(); // may be called twice
    });
  });

  it('lets properties override any setting, and keeps a given folder', async (test) => {
    const dir = mkdtempSync(path.join(tmpdir(), 'kafka ünï test-'));
    test.after(() => rmSync(dir, { recursive: true }));
    const broker = await KafkaBroker.start({ dir, fastStart: true, properties: { 'num.partitions': 7 } });
    const { clusterId } = broker;
    await broker.stop();
    assert.match(readFileSync(broker.logFile, 'utf8'), /num\.partitions = 7/);

    const again = await KafkaBroker.start({ dir, fastStart: true });
    assert.equal(again.clusterId, clusterId);
    await again.stop();
  });

  it('refuses a folder that another broker uses, and does that one no harm', async (test) => {
    const dir = mkdtempSync(path.join(tmpdir(), 'kafka-broker-test-'));
    test.after(() => rmSync(dir, { recursive: true }));
    const first = await KafkaBroker.start({ dir, fastStart: true });
    await assert.rejects(
      KafkaBroker.start({ dir, fastStart: true }),
      /another process or thread is using this directory/,
    );
    await first.restart();
    await first.stop();
  });

  it('says that a port is in use, and starts nothing', async (test) => {
    const port = await pickFreePort();
    const server = createServer().listen(port, HOST);
    test.after(() => server.close());
    await assert.rejects(KafkaBroker.start({ port }), {
      code: 'EADDRINUSE',
      message: new RegExp(`Port ${port} .* in use`),
    });
  });

  it('shows the cause from the log when Kafka does not start, and leaves no folder', async () => {
    const before = temporaryFolders();
    const properties = { 'log.retention.hours': 'many' };
    await assert.rejects(KafkaBroker.start({ properties }), /did not start(.|\n)*Invalid value many/);
    assert.deepEqual(temporaryFolders(), before);
  });

  describe('leaves no broker and no temporary folder when its Node process', () => {
    const endings = {
      'is killed with SIGKILL': 'process.kill(process.pid, "SIGKILL")',
      'is ended by a signal it does not handle': 'process.kill(process.pid, "SIGTERM")',
      throws: 'throw new Error("on purpose")',
      'comes to its end and forgot to stop it': '',
    };
    for (const [name, ending] of Object.entries(endings)) {
      it(name, async () => {
        const { pid, port, dir } = await startInAnotherProcess(ending);
        await until('the broker has ended', () => !isAlive(pid));
        await until('its folder is removed', () => !existsSync(dir));
        await until('its port is free', () => isPortFree(port));
      });
    }
  });
});

/**
 * Starts a broker from a Node process of its own, which then runs `ending`, and waits until that process is
 * gone.
 * @param {string} ending
 * @returns {Promise<{ pid: number, port: number, dir: string }>}
 */
async function startInAnotherProcess(ending) {
  const script = `
    import { writeSync } from 'node:fs';
    import { KafkaBroker } from ${JSON.stringify(new URL('broker.mjs', import.meta.url).href)};
    const { pid, port, dir } = await KafkaBroker.start({ fastStart: true });
    writeSync(1, JSON.stringify({ pid, port, dir }));
    ${ending}`;
  const run = runNode(['--input-type=module', '--eval', script]);
  await run.ended;
  assert.match(run.stdout, /^\{/, run.stderr);
  return JSON.parse(run.stdout);
}

function temporaryFolders() {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('kafka-broker-'));
}
