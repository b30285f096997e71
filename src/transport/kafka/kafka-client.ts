import { readFileSync } from 'node:fs';
import type { Logger } from '@nestjs/common';
import type { KafkaConfig, LogEntry, SASLOptions } from 'kafkajs';
import type { Config } from '../../config/config.js';
import { StartupError } from '../../config/startup-error.js';

/** kafkajs's options for the brokers of the configuration. */
export function kafkaOptions(config: Config, logger: Logger): KafkaConfig {
  return {
    brokers: config.KAFKA_BROKERS ?? [],
    clientId: config.KAFKA_CLIENT_ID,
    ssl: tlsOptions(config),
    sasl: saslOptions(config),
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    // kafkajs's own retries; whoever uses the client waits and tries again after them.
    retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries: 4 },
    logCreator: () => (entry) => {
      log(logger, entry);
    },
  };
}

function tlsOptions(config: Config): KafkaConfig['ssl'] {
  if (!config.KAFKA_SSL) return false;
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

function saslOptions(config: Config): SASLOptions | undefined {
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
