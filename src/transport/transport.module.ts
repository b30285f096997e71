import { Global, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
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
import type { KafkaLog } from './kafka/kafka.log.js';
import { LogReader } from './log-reader.js';

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
      useFactory: async (config: Config): Promise<KafkaLog | null> => {
        if (usesEmbeddedLog(config)) return null;
        // Only now: loading the Kafka clients takes a fifth of the start.
        const { KafkaLog } = await import('./kafka/kafka.log.js');
        return new KafkaLog(config);
      },
    },
    {
      provide: EventSource,
      inject: [CONFIG, KAFKA, EventLogRepository, DatabaseService, getDataSourceToken()],
      useFactory: (
        config: Config,
        kafka: KafkaLog | null,
        log: EventLogRepository,
        database: DatabaseService,
        source: DataSource,
      ) =>
        kafka?.source() ??
        new EmbeddedTransport(
          topicOf(config),
          log,
          new SessionLock(source, READER_LOCK),
          database,
          config.EVENT_LOG_RETENTION,
        ),
    },
    {
      provide: LogReader,
      inject: [CONFIG, KAFKA, EventLogRepository],
      useFactory: (config: Config, kafka: KafkaLog | null, log: EventLogRepository) =>
        kafka?.reader() ?? new EmbeddedLogReader(topicOf(config), log),
    },
    {
      provide: EventPublisher,
      inject: [KAFKA, EventLogRepository],
      useFactory: (kafka: KafkaLog | null, log: EventLogRepository) =>
        kafka?.publisher() ?? new EmbeddedPublisher(log),
    },
  ],
  exports: [EventSource, EventPublisher, LogReader],
})
export class TransportModule {}
