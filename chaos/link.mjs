import { connect, createServer } from 'node:net';
import { HOST } from '../scripts/kafka/ports.mjs';

/** @typedef {import('node:net').Socket} Socket */
/** @typedef {'near' | 'far'} Side that of the client, or that of the server */

/**
 * A way to a server that can be cut, as behind a dead switch: nobody hears of it, connections stay open, and nothing comes through,
 * no farewell either. Once it is mended, all that was on its way arrives, however old.
 */
export class Link {
  #server;
  #isCut = false;
  /** What is to come through once it is mended, in order. @type {(() => void)[]} */
  #held = [];
  /** Both ends of each connection. @type {Set<Socket>} */
  #ends = new Set();
  /** See {@link Link.cutAt}. @type {{ text: string, side: Side } | undefined} */
  #trap;

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
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      this.#keep(near);
      this.#pass(() => this.#join(near));
    });
  }

  get address() {
    return `${HOST}:${this.port}`;
  }

  get isCut() {
    return this.#isCut;
  }

  cut() {
    this.#isCut = true;
  }

  /**
   * Cuts it when this is about to come through, which then is the first to arrive once it is mended.
   * @param {string} text
   * @param {Side} side who says it
   */
  cutAt(text, side) {
    this.#trap = { text, side };
  }

  mend() {
    this.#isCut = false;
    this.#trap = undefined;
    for (const arrive of this.#held.splice(0)) arrive();
  }

  /** Ends all its connections with RST, as a firewall that has been restarted. @returns {boolean} whether there were any */
  reset() {
    const ends = [...this.#ends];
    for (const end of ends) end.resetAndDestroy();
    return ends.length > 0;
  }

  async close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#held = [];
    this.reset();
    await closed;
  }

  /** @param {Socket} near */
  #join(near) {
    if (near.destroyed) return;
    const far = connect({ port: this.target, host: HOST, allowHalfOpen: true });
    this.#keep(far);
    this.#forward(near, far, 'near');
    this.#forward(far, near, 'far');
  }

  /** @param {Socket} end */
  #keep(end) {
    this.#ends.add(end);
    // A socket that fails is closed; its peer is told in #forward.
    end.on('error', () => undefined);
    end.once('close', () => this.#ends.delete(end));
  }

  /** @param {Socket} from @param {Socket} to @param {Side} side that of `from` */
  #forward(from, to, side) {
    from.on('data', (chunk) => {
      if (this.#trap?.side === side && chunk.includes(this.#trap.text)) this.cut();
      this.#pass(() => {
        if (!to.write(chunk)) from.pause();
      });
    });
    to.on('drain', () => from.resume());
    from.on('end', () => this.#pass(() => to.end()));
    from.on('error', () => this.#pass(() => to.resetAndDestroy()));
  }

  /** @param {() => void} arrive */
  #pass(arrive) {
    if (this.#isCut) this.#held.push(arrive);
    else arrive();
  }
}
