import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';

const EVERY_MS = 1_000;
const POLL_MS = 20;
const PATIENCE_MS = 60_000;

/** Once a second an event with a region of its own, and the time until `GET /metrics` shows it. */
export class Probe {
  #producer;
  #stopped = false;
  #loop;
  #sent = 0;
  /** Milliseconds from before it was sent until an answer had it; taken away by {@link take}. @type {number[]} */
  #times = [];

  /** @param {{ brokers: string, topic: string, replica: import('./replica.mjs').Replica }} of replica: that is asked */
  static async start({ brokers, topic, replica }) {
    const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    return new Probe(producer, topic, replica);
  }

  /** @private use Probe.start() */
  constructor(producer, topic, replica) {
    this.#producer = producer;
    this.topic = topic;
    this.replica = replica;
    this.#loop = this.#run();
  }

  /** @returns {number[]} those that have come since the last time */
  take() {
    return this.#times.splice(0);
  }

  async stop() {
    this.#stopped = true;
    await this.#loop;
    await this.#producer.disconnect();
  }

  async #run() {
    /** One may be slow, the next are sent all the same. @type {Set<Promise<void>>} */
    const waiting = new Set();
    while (!this.#stopped) {
      const one = this.#measure()
        .catch(() => void this.#times.push(PATIENCE_MS))
        .finally(() => waiting.delete(one));
      waiting.add(one);
      await delay(EVERY_MS);
    }
    await Promise.all(waiting);
  }

  async #measure() {
    const region = `probe-${this.#sent++}`;
    const event = {
      event_id: randomUUID(),
      ...{ msisdn: region, event_type: 'sms', region, timestamp: new Date().toISOString() },
    };
    const startedAt = performance.now();
    await this.#producer.send({
      topic: this.topic,
      messages: [{ key: region, value: JSON.stringify(event) }],
    });
    while (performance.now() - startedAt < PATIENCE_MS) {
      const { items } = await this.replica.request(`/metrics?type=region_agg&key=${region}&limit=1`);
      if (items.length > 0) return void this.#times.push(performance.now() - startedAt);
      await delay(POLL_MS);
    }
    throw new Error(`${region} has not been seen`);
  }
}
