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
    await until('the broker to know of the new partitions', async () => {
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: [this.name] });
      return topics[0]?.partitions.length === total;
    });
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
    // Just deleted ones linger for a moment.
    const topic = { topic: this.name, numPartitions: partitions, configEntries: poisonTopicConfig };
    await until('the topic to be made', () =>
      this.#admin.createTopics({ waitForLeaders: true, topics: [topic] }).catch((error) => {
        if (/exists/i.test(error.message)) return false;
        throw error;
      }),
    );
  }
}
