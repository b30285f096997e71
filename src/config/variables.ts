import type { z } from 'zod';
import {
  brokerList,
  cronExpression,
  decimal,
  duration,
  flag,
  integer,
  oneOf,
  postgresUrl,
  sabotage,
  text,
  topicName,
} from './values.js';

/** One environment variable: what it means, what it may be, and what it is when it is not set. */
export interface Variable<T extends z.ZodType<unknown, string> = z.ZodType<unknown, string>> {
  readonly schema: T;
  /** The text used when the variable is not set; without one it stays undefined. */
  readonly fallback?: string;
  readonly about: string;
  /** Its value is never printed, not even in an error. */
  readonly secret?: true;
}

const variable = <T extends z.ZodType<unknown, string>, const F extends string>(
  schema: T,
  fallback: F,
  about: string,
) => ({ schema, fallback, about });

const optional = <T extends z.ZodType<unknown, string>>(schema: T, about: string) => ({ schema, about });

const secret = <T extends z.ZodType<unknown, string>>(schema: T, about: string) => ({
  schema,
  about,
  secret: true as const,
});

/** Every variable the service reads, in the order of docs/configuration.md. A test compares the two. */
export const variables = {
  HOST: variable(
    text(255),
    '127.0.0.1',
    'Address the HTTP server listens on. Anything but loopback needs ADMIN_API_KEY.',
  ),
  PORT: variable(integer(0, 65535), '3000', 'Port of the HTTP server; 0 picks a free one.'),
  HTTP_BODY_LIMIT: variable(integer(1024, 268435456), '33554432', 'Largest request body, in bytes.'),
  ADMIN_API_KEY: secret(
    text(512).min(32, 'must be at least 32 characters'),
    'With it set, every endpoint but health wants it as `Authorization: Bearer` or `X-API-Key`.',
  ),
  LOG_LEVEL: variable(
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
    'Least level that is logged.',
  ),
  SHUTDOWN_TIMEOUT: variable(
    duration('1s', '5m'),
    '10s',
    'How long a stop may take before the process ends anyway.',
  ),
  DATA_DIR: variable(text(4096), '.data', 'Folder of the embedded PostgreSQL.'),

  DATABASE_URL: secret(
    postgresUrl,
    'PostgreSQL to use. Without it and without POSTGRES_HOST an embedded one is started.',
  ),
  POSTGRES_HOST: optional(text(255), 'PostgreSQL by parts, in place of DATABASE_URL.'),
  POSTGRES_PORT: variable(integer(1, 65535), '5432', 'Port of POSTGRES_HOST.'),
  POSTGRES_USER: variable(text(128), 'postgres', 'User at POSTGRES_HOST.'),
  POSTGRES_PASSWORD: secret(text(1024), 'Password at POSTGRES_HOST.'),
  POSTGRES_DB: variable(text(128), 'telecom', 'Database at POSTGRES_HOST.'),
  POSTGRES_SSL: variable(
    oneOf('off', 'require', 'verify'),
    'off',
    'TLS to PostgreSQL: `require` encrypts, `verify` also checks the certificate and host name.',
  ),
  POSTGRES_SSL_CA: optional(text(4096), 'File with the CA certificates for POSTGRES_SSL=verify.'),
  POSTGRES_POOL_SIZE: variable(integer(4, 200), '10', 'Most connections of one process.'),

  KAFKA_BROKERS: optional(
    brokerList,
    'Brokers as `host:port,host:port`. Without it the embedded log is used.',
  ),
  KAFKA_TOPIC: variable(topicName, 'telecom_events', 'Topic the events are in.'),
  KAFKA_TOPIC_PARTITIONS: variable(
    integer(1, 10000),
    '4',
    'Partitions the topic gets when it has to be created.',
  ),
  KAFKA_TOPIC_REPLICATION: variable(
    integer(-1, 32),
    '-1',
    "Replication factor of a topic that has to be created; -1 is the broker's default.",
  ),
  KAFKA_GROUP_ID: variable(text(255), 'telecom-pipeline', 'Consumer group; all replicas share it.'),
  KAFKA_CLIENT_ID: variable(text(255), 'telecom-pipeline', 'Client id shown in broker logs and quotas.'),
  KAFKA_SESSION_TIMEOUT: variable(
    duration('6s', '5m'),
    '15s',
    'A replica silent for this long loses its partitions.',
  ),
  KAFKA_FETCH_MAX_BYTES: variable(
    integer(65536, 104857600),
    '2097152',
    'Bytes of one fetch over all partitions: more helps where the brokers are far away, and takes several times as much memory.',
  ),
  KAFKA_SSL: variable(flag, 'false', 'TLS to the brokers.'),
  KAFKA_SSL_CA: optional(text(4096), 'File with the CA certificates of the brokers.'),
  KAFKA_SSL_CERT: optional(text(4096), 'File with the client certificate (mutual TLS).'),
  KAFKA_SSL_KEY: optional(text(4096), 'File with the client key (mutual TLS).'),
  KAFKA_SASL_MECHANISM: optional(
    oneOf('plain', 'scram-sha-256', 'scram-sha-512'),
    'SASL mechanism. `plain` only together with KAFKA_SSL.',
  ),
  KAFKA_SASL_USERNAME: optional(text(1024), 'SASL user.'),
  KAFKA_SASL_PASSWORD: secret(text(1024), 'SASL password.'),
  START_FROM: variable(
    oneOf('earliest', 'latest'),
    'earliest',
    'Where a partition without a checkpoint starts.',
  ),

  WATERMARK_DELAY: variable(
    duration('0s', '1d'),
    '1m',
    'The event-time watermark trails the newest accepted event by this much.',
  ),
  IDLE_TIMEOUT: variable(
    duration('1s', '1d'),
    '60s',
    'A partition at its end for this long no longer holds the watermark back.',
  ),
  LATE_EVENTS: variable(
    oneOf('amend', 'divert'),
    'amend',
    '`amend`: late events count in their window; `divert`: they become `late_event` anomalies.',
  ),
  MAX_LATENESS: variable(
    duration('1m', '3650d'),
    '7d',
    "Events older than this against the partition's newest are `too_late`.",
  ),
  DEDUPLICATION_WINDOW: variable(
    duration('0s', '7d'),
    '10m',
    'An `event_id` that its partition has had within this much event time is a duplicate and does not count again; 0 turns this off.',
  ),
  DEDUPLICATION_MAX_IDS: variable(
    integer(1000, 100000000),
    '5000000',
    'Ids remembered for that in one partition at most, each as often as it came, at 24 to 36 bytes of memory, for moments 60; beyond it the oldest are forgotten early.',
  ),
  MAX_EVENT_BYTES: variable(integer(256, 104857600), '1048576', 'Larger records are `oversized`.'),
  ANOMALY_ALERT_RATIO: variable(
    decimal(0, 1),
    '0.2',
    'A partition of whose last 10,000 events a larger share is invalid raises an alert.',
  ),
  FLUSH_INTERVAL: variable(duration('10ms', '1m'), '1s', 'Time between checkpoints.'),
  FLUSH_MAX_EVENTS: variable(
    integer(1, 10000000),
    '200000',
    'Events that force a checkpoint before the interval is over.',
  ),

  EVENT_LOG_RETENTION: variable(
    duration('1h', '3650d'),
    '3d',
    'Checkpointed events of the embedded log are deleted after this time.',
  ),

  DAILY_BATCH_CRON: variable(
    cronExpression,
    '5 0 * * *',
    "When the batch builds yesterday's daily stats, and those of missed days; five cron fields, or six with seconds first, in UTC.",
  ),
  BATCH_RETRIES: variable(integer(0, 100), '3', 'How often a day that could not be built is tried again.'),
  BATCH_RETRY_DELAY: variable(
    duration('100ms', '1d'),
    '5m',
    'Wait before the first of those tries; doubles with each.',
  ),
  STALE_REBUILD_DELAY: variable(
    duration('1s', '1d'),
    '5m',
    'A day that changes after it was built is built again within this time.',
  ),
  METRICS_RETENTION_DAYS: optional(
    integer(1, 36500),
    'Window metrics older than this many days are deleted. Default: never.',
  ),
  ANOMALIES_RETENTION_DAYS: optional(
    integer(1, 36500),
    'Anomalies set aside more than this many days ago are deleted. Default: never.',
  ),
  DAILY_STATS_RETENTION_MONTHS: optional(
    integer(1, 1200),
    'Daily stats of months before the last so many are dropped. Default: never.',
  ),

  SIMULATOR_AUTOSTART: optional(
    flag,
    'Start the simulator at boot. Default: only when log and database are both embedded.',
  ),
  SIMULATOR_AUTOSTART_RATE: variable(
    decimal(0.1, 20000),
    '20',
    'Events per second of the simulator started at boot.',
  ),

  TEST_SABOTAGE: optional(
    sabotage,
    'For tests only, with NODE_ENV=test: `drop:N` or `double:N` makes the windows wrong.',
  ),
} satisfies Record<string, Variable>;

export type VariableName = keyof typeof variables;
