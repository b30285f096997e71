import { Global, Logger, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import kafkajs from 'kafkajs';
import type { DataSource } from 'typeorm';
import { CONFIG, topicOf, usesEmbeddedLog, type Config } from '../config/config.js';
import { DatabaseService } from '../database/database.service.js';
import { SessionLock } from '../database/session-lock.js';
import { EmbeddedLogReader } from './embedded/embedded.log-reader.js';
import { EmbeddedPublisher } from './embedded/embedded.publisher.js';
import { EmbeddedTransport, READER_LOCK } from './embedded/embedded.transport.js';
import { EventLogRepository } from './embedded/event-log.repository.js';
import { EventPublisher } from './event-publisher.js';
import { EventSource } from './event-source.js';
import { EventsController } from './events.controller.js';
import { LogReader } from './log-reader.js';
import { KafkaAdmin } from './kafka/kafka.admin.js';
import { KafkaCluster } from './kafka/kafka-cluster.js';
import { clientOptions, kafkaOptions, producerOptions } from './kafka/kafka-client.js';
import { KafkaLogReader } from './kafka/kafka.log-reader.js';
import { KafkaPublisher } from './kafka/kafka.publisher.js';
import { KafkaTransport } from './kafka/kafka.transport.js';

const KAFKA = Symbol('Kafka');

/** The log, to read from and to write to: Kafka where brokers are configured, the `event_log` table otherwise. */
@Global()
@Module({
  controllers: [EventsController],
  providers: [
    EventLogRepository,
    {
      provide: KAFKA,
      inject: [CONFIG],
      useFactory: (config: Config) => new kafkajs.Kafka(kafkaOptions(config, new Logger('Kafka'))),
    },
    {
      provide: KafkaAdmin,
      inject: [CONFIG, KAFKA],
      useFactory: (config: Config, kafka: kafkajs.Kafka) => new KafkaAdmin(kafka, config),
    },
    {
      provide: EventSource,
      inject: [CONFIG, KAFKA, KafkaAdmin, EventLogRepository, DatabaseService, getDataSourceToken()],
      useFactory: (
        config: Config,
        kafka: kafkajs.Kafka,
        admin: KafkaAdmin,
        log: EventLogRepository,
        database: DatabaseService,
        source: DataSource,
      ) =>
        usesEmbeddedLog(config)
          ? new EmbeddedTransport(
              topicOf(config),
              log,
              new SessionLock(source, READER_LOCK),
              database,
              config.EVENT_LOG_RETENTION,
            )
          : new KafkaTransport(
              kafka,
              admin,
              new KafkaCluster(clientOptions(config), config.KAFKA_TOPIC),
              config,
            ),
    },
    {
      provide: LogReader,
      inject: [CONFIG, KafkaAdmin, EventLogRepository],
      useFactory: (config: Config, admin: KafkaAdmin, log: EventLogRepository) =>
        usesEmbeddedLog(config)
          ? new EmbeddedLogReader(topicOf(config), log)
          : new KafkaLogReader(admin, config),
    },
    {
      provide: EventPublisher,
      inject: [CONFIG, EventLogRepository],
      useFactory: (config: Config, log: EventLogRepository) =>
        usesEmbeddedLog(config)
          ? new EmbeddedPublisher(log)
          : new KafkaPublisher(producerOptions(config), config.KAFKA_TOPIC),
    },
  ],
  exports: [EventSource, EventPublisher, LogReader],
})
export class TransportModule {}
