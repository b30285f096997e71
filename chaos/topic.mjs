import kafkajs from 'kafkajs';
import { poisonTopicConfig } from './poison.mjs';
import { until } from './until.mjs';

/** The round's topic, as an administrator handles it. */
export class Topic {
  #admin;

  /** @param {{ brokers: string, name: string, partitions: number }} of */
  static async create({ brokers, name, partitions }) {
    const kafka = new kafkajs.Kafka({
      brokers: [brokers],
      clientId: 'chaos-admin',
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { initialRetryTime: 200, retries: 30, maxRetryTime: 1_000 },
    });
    const topic = new Topic(name, kafka.admin());
    await topic.#admin.connect();
    await topic.#make(partitions);
    return topic;
  }

  /** @private use Topic.create() */
  constructor(name, admin) {
    this.name = name;
    this.#admin = admin;
  }

  async addPartitions(total) {
    await this.#admin.createPartitions({ topicPartitions: [{ topic: this.name, count: total }] });
    await this.#has(total);
  }

  /** Deletes what comes before these offsets. @param {Map<number, number>} befores */
  async deleteRecords(befores) {
    await this.#admin.fetchTopicOffsets(this.name); // kafkajs asks for no metadata of its own here
    await this.#admin.deleteTopicRecords({
      topic: this.name,
      partitions: [...befores].map(([partition, offset]) => ({ partition, offset: String(offset) })),
    });
  }

  /** Deletes the topic, and makes one of the same name. */
  async recreate(partitions) {
    await this.#admin.deleteTopics({ topics: [this.name] });
    await until('the topic to be gone', async () => !(await this.#admin.listTopics()).includes(this.name));
    await this.#make(partitions);
  }

  async close() {
    await this.#admin.disconnect();
  }

  async #make(partitions) {
    const topic = { topic: this.name, numPartitions: partitions, configEntries: poisonTopicConfig };
    // A deleted one lingers for a moment.
    await until('the topic to be made', () =>
      this.#admin.createTopics({ waitForLeaders: false, topics: [topic] }).catch((error) => {
        if (/exists/i.test(error.message)) return false;
        throw error;
      }),
    );
    await this.#has(partitions);
  }

  #has(partitions) {
    return until(`the broker to know ${partitions} partitions`, async () => {
      const metadata = await this.#admin.fetchTopicMetadata({ topics: [this.name] }).catch(() => undefined);
      return metadata?.topics[0]?.partitions.filter(({ leader }) => leader >= 0).length === partitions;
    });
  }
}
