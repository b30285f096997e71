import { connect, createServer } from 'node:net';
import { HOST } from '../scripts/kafka/ports.mjs';

/** @typedef {import('node:net').Socket} Socket */

/**
 * A way to a server that can be cut, as behind a dead switch: nobody hears of it, connections stay open, and nothing comes through,
 * no farewell either. Once it is mended, all that was on its way arrives, however old.
 */
export class Link {
  #server;
  #isCut = false;
  /** @type {Set<{ near: Socket, far: Socket }>} */
  #connections = new Set();
  /** Connections that were made while it was cut. @type {Set<Socket>} */
  #waiting = new Set();

  /** @param {{ port: number, target: number }} ports its own, and that of the server */
  static async open({ port, target }) {
    const link = new Link(port, target);
    await new Promise((resolve, reject) => {
      link.#server.once('error', reject);
      link.#server.listen(port, HOST, () => resolve(undefined));
    });
    return link;
  }

  /** @private use Link.open() @param {number} port @param {number} target */
  constructor(port, target) {
    this.port = port;
    this.target = target;
    // What one side has said before it hung up still has to reach the other.
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  get address() {
    return `${HOST}:${this.port}`;
  }

  cut() {
    this.#isCut = true;
    for (const { near, far } of this.#connections) {
      near.pause();
      far.pause();
    }
  }

  mend() {
    this.#isCut = false;
    for (const { near, far } of this.#connections) {
      near.resume();
      far.resume();
    }
    for (const near of this.#waiting) this.#join(near);
    this.#waiting.clear();
  }

  /** Ends all its connections with RST, as a firewall that has been restarted. */
  reset() {
    for (const { near, far } of this.#connections) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const near of this.#waiting) near.destroy();
    this.reset();
    await closed;
  }

  /** @param {Socket} near */
  #accept(near) {
    near.on('error', () => near.destroy());
    if (!this.#isCut) return this.#join(near);
    near.pause();
    this.#waiting.add(near);
    near.once('close', () => this.#waiting.delete(near));
  }

  /** @param {Socket} near */
  #join(near) {
    const connection = { near, far: connect({ port: this.target, host: HOST, allowHalfOpen: true }) };
    this.#connections.add(connection);
    this.#forward(near, connection.far, connection);
    this.#forward(connection.far, near, connection);
    if (this.#isCut) this.cut();
    else near.resume();
  }

  /** @param {Socket} from @param {Socket} to @param {{ near: Socket, far: Socket }} connection */
  #forward(from, to, connection) {
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (!this.#isCut) from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => from.destroy());
    from.once('close', (hasFailed) => {
      this.#connections.delete(connection);
      if (hasFailed) to.resetAndDestroy();
      else to.end();
    });
  }
}
