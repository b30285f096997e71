import {
  Base,
  UserError,
  type BaseOptions,
  type ClusterMetadata,
  type Connection,
} from '@platformatic/kafka';
import { cut, cutConnections, guardConnections } from './library-connections.js';

/** A fetch is answered within its own short wait: a broker that is silent for longer is not there any more. */
const REQUEST_TIMEOUT_MS = 10_000;

/** A broker that leads some of the partitions. */
export interface Broker {
  readonly host: string;
  readonly port: number;
}

export interface TopicLeaders {
  /** A topic that is deleted and created anew has another one. */
  readonly topicId: string;
  /** By partition; one that has no leader is left out. */
  readonly leaders: ReadonlyMap<number, Broker>;
}

/** The topic does not exist. */
export class UnknownTopicError extends Error {
  constructor(topic: string) {
    super(`the topic ${topic} does not exist`);
    this.name = 'UnknownTopicError';
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What brokers answer that know of no ids. */
const NO_ID = '00000000-0000-0000-0000-000000000000';

/** Who leads the partitions of a topic, and connections to them. */
export class KafkaCluster {
  private readonly client: Base;

  constructor(
    options: BaseOptions,
    private readonly topic: string,
  ) {
    this.client = new Base({ ...options, requestTimeout: REQUEST_TIMEOUT_MS });
    guardConnections(this.client.connections);
  }

  /**
   * As the brokers know it now.
   * @throws UnknownTopicError, or what the library throws
   */
  async leaders(): Promise<TopicLeaders> {
    const { topics, brokers } = await this.metadata();
    const topic = topics.get(this.topic);
    if (topic === undefined) throw new UnknownTopicError(this.topic);
    if (!UUID.test(topic.id) || topic.id === NO_ID)
      throw new Error('the brokers do not give topics an id: Kafka 3.1 or newer is needed');
    const leaders = new Map<number, Broker>();
    for (const [partition, { leader }] of topic.partitions.entries()) {
      const broker = brokers.get(leader);
      if (broker) leaders.set(partition, broker);
    }
    return { topicId: topic.id, leaders };
  }

  connection(broker: Broker): Promise<Connection> {
    return this.client.connections.get(broker);
  }

  /** Ends the connection to a broker that did not do as it was asked; the next request opens another one. */
  drop(broker: Broker): void {
    const connection = this.client.connections.getEstablishedConnection(broker);
    if (connection) cut(connection);
  }

  async close(): Promise<void> {
    cutConnections(this.client.connections);
    await this.client.close();
  }

  private async metadata(): Promise<ClusterMetadata> {
    try {
      return await this.client.metadata({ topics: [this.topic], forceUpdate: true });
    } catch (error) {
      if (error instanceof UserError && error.message.startsWith('Unknown topic'))
        throw new UnknownTopicError(this.topic);
      throw error;
    }
  }
}
