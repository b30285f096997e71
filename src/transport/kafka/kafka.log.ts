import { Logger } from '@nestjs/common';
import kafkajs from 'kafkajs';
import type { Config } from '../../config/config.js';
import { KafkaAdmin } from './kafka.admin.js';
import { clientOptions, kafkaOptions, producerOptions } from './kafka-client.js';
import { KafkaCluster } from './kafka-cluster.js';
import { KafkaLogReader } from './kafka.log-reader.js';
import { KafkaPublisher } from './kafka.publisher.js';
import { KafkaTransport } from './kafka.transport.js';

/** The log of the configured brokers. */
export class KafkaLog {
  private readonly kafka: kafkajs.Kafka;
  private readonly admin: KafkaAdmin;

  constructor(private readonly config: Config) {
    this.kafka = new kafkajs.Kafka(kafkaOptions(config, new Logger('Kafka')));
    this.admin = new KafkaAdmin(this.kafka, config);
  }

  source(): KafkaTransport {
    const cluster = new KafkaCluster(clientOptions(this.config), this.config.KAFKA_TOPIC);
    return new KafkaTransport(this.kafka, this.admin, cluster, this.config);
  }

  reader(): KafkaLogReader {
    return new KafkaLogReader(this.admin, this.config);
  }

  publisher(): KafkaPublisher {
    return new KafkaPublisher(producerOptions(this.config), this.config.KAFKA_TOPIC);
  }
}
