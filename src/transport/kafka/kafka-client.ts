import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Logger } from '@nestjs/common';
import type { BaseOptions, ProducerOptions, SASLMechanismValue } from '@platformatic/kafka';
import type { KafkaConfig, LogEntry, SASLOptions } from 'kafkajs';
import type { Config } from '../../config/config.js';
import { StartupError } from '../../config/startup-error.js';

/** kafkajs's options for the brokers of the configuration. */
export function kafkaOptions(config: Config, logger: Logger): KafkaConfig {
  const sasl: SASLOptions | undefined = saslOptions(config);
  return {
    brokers: config.KAFKA_BROKERS ?? [],
    clientId: config.KAFKA_CLIENT_ID,
    ssl: tlsOptions(config) ?? false,
    sasl,
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    // kafkajs's own retries; whoever uses the client waits and tries again after them.
    retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries: 4 },
    logCreator: () => (entry) => {
      log(logger, entry);
    },
  };
}

/** @platformatic/kafka's options for the same brokers, without retries of its own: whoever uses it tries again. */
export function clientOptions(config: Config): BaseOptions {
  const brokers = config.KAFKA_BROKERS ?? [];
  const sasl = saslOptions(config);
  return {
    bootstrapBrokers: brokers,
    clientId: config.KAFKA_CLIENT_ID,
    tls: tlsOptions(config),
    // The name of each broker, as kafkajs does it; an IP address must not be one (RFC 6066).
    tlsServerName: brokers.some((broker) => isIP(broker.slice(0, broker.lastIndexOf(':'))) === 0),
    sasl: sasl && { ...sasl, mechanism: sasl.mechanism.toUpperCase() as SASLMechanismValue },
    connectTimeout: 3_000,
    requestTimeout: 30_000,
    retries: false,
    // Whoever needs it looks for fresh metadata.
    metadataMaxAge: Number.MAX_SAFE_INTEGER,
    autocreateTopics: false,
  };
}

/** Of a producer: see IdempotentProducer. */
export const producerOptions = (
  config: Config,
): ProducerOptions<Buffer | null, Buffer | null, Buffer, Buffer> => ({
  ...clientOptions(config),
  // How long a broker waits for the replicas: less than we wait for the broker, so that its answer is heard.
  timeout: 15_000,
  idempotent: true,
  repeatOnStaleMetadata: false,
});

function tlsOptions(config: Config): ConnectionOptions | undefined {
  if (!config.KAFKA_SSL) return undefined;
  return {
    ca: fileOf(config, 'KAFKA_SSL_CA'),
    cert: fileOf(config, 'KAFKA_SSL_CERT'),
    key: fileOf(config, 'KAFKA_SSL_KEY'),
  };
}

function fileOf(
  config: Config,
  name: 'KAFKA_SSL_CA' | 'KAFKA_SSL_CERT' | 'KAFKA_SSL_KEY',
): string | undefined {
  const path = config[name];
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new StartupError(`${name} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function saslOptions(config: Config) {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = config;
  return mechanism && username && password ? { mechanism, username, password } : undefined;
}

/**
 * kafkajs reports each try of each retry as an error; what it comes to in the end is logged by our own code. Entries may
 * hold whole responses and stacks: only message and error text are taken over.
 */
function log(logger: Logger, { namespace, log: { message, error } }: LogEntry): void {
  const reason = typeof error === 'string' && error !== message ? ` (${error})` : '';
  logger.debug(`${namespace ? `${namespace}: ` : ''}${message}${reason}`);
}
