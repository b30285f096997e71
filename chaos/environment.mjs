import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaBroker } from '../scripts/kafka/broker.mjs';
import { pickFreePort } from '../scripts/kafka/ports.mjs';
import { Link } from './link.mjs';
import { patchedService } from './patches.mjs';
import { Postgres } from './postgres.mjs';

/** Enough for four replicas with their pools, and us. */
const MAX_CONNECTIONS = 100;

/**
 * A real broker and a real PostgreSQL, both ours to break, and a folder for the logs of all rounds. It ends with this process,
 * however that ends: its children are guarded.
 */
export class Environment {
  /** @type {Map<string, ReturnType<typeof patchedService>>} */
  #patched = new Map();

  /**
   * @param {{ keep?: boolean }} [options] keep: leave the folder with the logs
   */
  static async start({ keep = false } = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'telecom-chaos-'));
    const port = await pickFreePort();
    const proxied = { port, proxyPort: await pickFreePort({ except: [port] }) };
    const [broker, postgres] = await Promise.all([
      KafkaBroker.start({
        dir: join(folder, 'broker'),
        heapMb: 512,
        proxied,
        log: (line) => console.error(line),
        properties: {
          // Transactions of a producer that was killed must not hold readers up for a minute.
          'transaction.max.timeout.ms': 60_000,
          'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
        },
      }),
      Postgres.start(join(folder, 'postgres'), { max_connections: MAX_CONNECTIONS }, keep ? '' : folder),
    ]);
    return new Environment(folder, broker, postgres, proxied, keep);
  }

  /** @private use Environment.start() */
  constructor(folder, broker, postgres, proxied, keep) {
    this.folder = folder;
    this.broker = broker;
    this.postgres = postgres;
    this.proxied = proxied;
    this.keep = keep;
  }

  get brokers() {
    return this.broker.bootstrapServers;
  }

  /** A way to the broker that can be cut; one at a time, as the broker tells clients its port. @returns {Promise<Link>} */
  linkToKafka() {
    return Link.open({ port: this.proxied.proxyPort, target: this.proxied.port });
  }

  /**
   * The service with failpoints in it, made once.
   * @param {string} [control] with a bolt less, see patch-catalogue.mjs
   * @returns {string} its folder
   */
  patched(control) {
    const name = control ?? 'failpoints';
    let service = this.#patched.get(name);
    if (!service) {
      service = patchedService({ control });
      this.#patched.set(name, service);
      process.once('exit', service.remove);
    }
    return service.dist;
  }

  /** @returns {string} a new folder for the logs of a round */
  folderOf(round) {
    const folder = join(this.folder, round);
    mkdirSync(folder);
    return folder;
  }

  async stop() {
    await Promise.all([this.broker.stop(), this.postgres.stop()]);
    for (const data of ['broker/data', 'broker/metadata', 'postgres/data'])
      rmSync(join(this.folder, data), { recursive: true, force: true });
    if (!this.keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
