// @ts-check

/** The ids of a partition's events, each with the time of its log at which it came. */
export class RememberedIds {
  #forMs;
  /** @type {Map<string, number>} in the order of stamps: the time of a log never goes back for what it remembers */
  #stamps = new Map();
  #sweptAt = -Infinity;
  /** The newest stamp: a repeat moves it on, though it does not count. */
  #clock = -Infinity;

  /** @param {number} forMs how long an id is remembered */
  constructor(forMs) {
    this.#forMs = forMs;
  }

  /** @param {string} id @param {number} now epoch milliseconds */
  has(id, now) {
    const stamp = this.#stamps.get(id);
    return stamp !== undefined && Math.max(now, this.#clock) - stamp <= this.#forMs;
  }

  /** @param {string} id @param {number} now epoch milliseconds */
  add(id, now) {
    this.#clock = Math.max(now, this.#clock);
    this.#stamps.delete(id);
    this.#stamps.set(id, this.#clock);
    this.#sweep(this.#clock);
  }

  /**
   * Forgets what can never matter again, now and then: ten million ids would not fit into memory.
   * @param {number} now
   */
  #sweep(now) {
    if (now - this.#sweptAt < this.#forMs / 4) return;
    this.#sweptAt = now;
    for (const [id, stamp] of this.#stamps) {
      if (now - stamp <= this.#forMs) return;
      this.#stamps.delete(id);
    }
  }
}
