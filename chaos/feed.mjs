import { startTraffic } from './traffic.mjs';

/** Traffic that can pause: each stretch is a process of its own, with a seed of its own. */
export class Feed {
  #options;
  #startAgoMs;
  #stretches = 0;
  /** @type {Awaited<ReturnType<typeof startTraffic>> | null} */
  #traffic = null;

  /**
   * @param {import('./traffic.mjs').TrafficOptions} options
   * @param {number} startAgoMs so long ago are the times of its events
   */
  constructor(options, startAgoMs) {
    this.#options = options;
    this.#startAgoMs = startAgoMs;
  }

  /** @param {{ startAgoMs?: number }} [change] */
  async resume({ startAgoMs = this.#startAgoMs } = {}) {
    this.#startAgoMs = startAgoMs;
    if (this.#traffic) return;
    const seed = this.#options.seed + this.#stretches++;
    this.#traffic = await startTraffic({ ...this.#options, seed, startAt: Date.now() - this.#startAgoMs });
  }

  /** @returns {Promise<void>} when what is on its way is in the log */
  async pause() {
    const traffic = this.#traffic;
    this.#traffic = null;
    await traffic?.stop();
  }

  stats() {
    return this.#traffic?.stats() ?? 'paused';
  }

  async kill() {
    await this.#traffic?.kill();
  }
}
