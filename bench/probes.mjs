import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { getJson } from './environment.mjs';

/** Mean time between two probes; random, so that they are not in step with the checkpoints. */
const SPACING_MS = 50;
const POLL_EVERY_MS = 10;
/** The largest page. */
const MAX_PAGE = 1000;
const PATIENCE_MS = 300_000;

/**
 * Publishes events, each with a region of its own, and waits until `GET /metrics` shows them. They go out whether those before
 * them have been seen or not, and one request after the other asks for all that are on their way: their names ascend, so the
 * newest come first.
 */
export class Probes {
  #producer;
  #topic;
  #service;
  #sent = 0;
  /** By region: when it was published. */
  #waiting = new Map();

  /** @param {{ brokers: string, topic: string, service: { url: string } }} of */
  constructor({ brokers, topic, service }) {
    this.#producer = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.ERROR }).producer();
    this.#topic = topic;
    this.#service = service;
  }

  connect() {
    return this.#producer.connect();
  }

  close() {
    return this.#producer.disconnect();
  }

  /**
   * @param {number} count
   * @param {() => Promise<void>} published called when the last one is out, and maybe not seen yet
   * @returns {Promise<number[]>} milliseconds from before each was sent until the answer that has it
   */
  async measure(count, published) {
    const times = [];
    const publishing = this.#publish(count).then(published);
    const until = performance.now() + count * SPACING_MS + PATIENCE_MS;
    while (times.length < count) {
      if (performance.now() > until) throw new Error(`${count - times.length} probes have not been seen`);
      times.push(...(await this.#seen()));
      await delay(POLL_EVERY_MS);
    }
    await publishing;
    return times;
  }

  async #publish(count) {
    const sends = [];
    for (let probe = 0; probe < count; probe++) {
      sends.push(this.#send());
      await delay(2 * SPACING_MS * Math.random());
    }
    await Promise.all(sends);
  }

  async #send() {
    const region = `probe-${String(this.#sent++).padStart(6, '0')}`;
    const event = { msisdn: region, event_type: 'sms', region, timestamp: new Date().toISOString() };
    this.#waiting.set(region, performance.now());
    await this.#producer.send({
      topic: this.#topic,
      messages: [{ key: region, value: JSON.stringify(event) }],
    });
  }

  /** @returns {Promise<number[]>} how long those took that have become visible */
  async #seen() {
    const [oldest] = this.#waiting.keys();
    if (oldest === undefined) return [];
    const limit = Math.min(MAX_PAGE, this.#sent - Number(oldest.split('-')[1]));
    const { items } = await getJson(this.#service, `/metrics?type=region_agg&limit=${limit}`);
    const now = performance.now();
    return items.flatMap(({ metricKey }) => {
      const sentAt = this.#waiting.get(metricKey);
      return this.#waiting.delete(metricKey) ? [now - sentAt] : [];
    });
  }
}
