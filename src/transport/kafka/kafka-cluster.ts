import { Base, type BaseOptions, type Connection } from '@platformatic/kafka';
import { cut, cutConnections, guardConnections } from './library-connections.js';

/** A fetch is answered within its own short wait: a broker that is silent for longer is not there any more. */
const REQUEST_TIMEOUT_MS = 10_000;

/** A broker that leads some of the partitions. */
export interface Broker {
  readonly host: string;
  readonly port: number;
}

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

  /** The leaders by partition, as the brokers know them now; one that has none is left out. @throws */
  async leaders(): Promise<ReadonlyMap<number, Broker>> {
    const { topics, brokers } = await this.client.metadata({ topics: [this.topic], forceUpdate: true });
    const leaders = new Map<number, Broker>();
    for (const [partition, { leader }] of (topics.get(this.topic)?.partitions ?? []).entries()) {
      const broker = brokers.get(leader);
      if (broker) leaders.set(partition, broker);
    }
    return leaders;
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
}
