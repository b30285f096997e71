import { z } from 'zod';
import { variables, type VariableName } from './variables.js';

type Values = {
  [K in VariableName]: (typeof variables)[K] extends { schema: infer S extends z.ZodType; fallback: string }
    ? z.output<S>
    : (typeof variables)[K] extends { schema: infer S extends z.ZodType }
      ? z.output<S> | undefined
      : never;
};

/** The whole configuration: parsed once, frozen, keyed by the names of docs/configuration.md. */
export type Config = Readonly<Values>;

/** Nest injection token of {@link Config}. */
export const CONFIG = Symbol('Config');

/** Everything that is wrong with the configuration, a line each; never holds the value of a secret. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `The configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:\n  ${problems.join('\n  ')}`,
    );
    this.name = 'ConfigError';
  }
}

/**
 * Parses environment variables; an empty one counts as not set.
 * @throws ConfigError naming every mistake at once
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { schema, ...variable }] of Object.entries(variables)) {
    const fallback = 'fallback' in variable ? variable.fallback : undefined;
    const given = env[name] === undefined || env[name].trim() === '' ? fallback : env[name];
    if (given === undefined) continue;
    const result = (schema as z.ZodType<unknown, string>).safeParse(given);
    if (result.success) values[name] = result.data;
    else
      problems.push(
        `${name} ${result.error.issues.map((issue) => issue.message).join(' and ')}${'secret' in variable ? '' : `, not "${given}"`}`,
      );
  }
  const config = values as unknown as Values;
  problems.push(...contradictions(config, env.NODE_ENV));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** What each variable alone cannot tell. */
function* contradictions(config: Values, nodeEnv: string | undefined): Generator<string> {
  if (config.DATABASE_URL && config.POSTGRES_HOST)
    yield 'DATABASE_URL and POSTGRES_HOST are both set: keep one';
  if (config.KAFKA_SASL_MECHANISM) {
    if (!config.KAFKA_SASL_USERNAME) yield 'KAFKA_SASL_USERNAME is needed with KAFKA_SASL_MECHANISM';
    if (!config.KAFKA_SASL_PASSWORD) yield 'KAFKA_SASL_PASSWORD is needed with KAFKA_SASL_MECHANISM';
    if (config.KAFKA_SASL_MECHANISM === 'plain' && !config.KAFKA_SSL)
      yield 'KAFKA_SASL_MECHANISM=plain sends the password in the clear: set KAFKA_SSL=true, or use scram-sha-512';
  } else if (config.KAFKA_SASL_USERNAME || config.KAFKA_SASL_PASSWORD) {
    yield 'KAFKA_SASL_MECHANISM is needed with KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD';
  }
  if (!config.KAFKA_SSL && (config.KAFKA_SSL_CA || config.KAFKA_SSL_CERT || config.KAFKA_SSL_KEY))
    yield 'KAFKA_SSL=true is needed with KAFKA_SSL_CA, KAFKA_SSL_CERT and KAFKA_SSL_KEY';
  if (Boolean(config.KAFKA_SSL_CERT) !== Boolean(config.KAFKA_SSL_KEY))
    yield 'KAFKA_SSL_CERT and KAFKA_SSL_KEY go together';
  if (config.POSTGRES_SSL_CA && config.POSTGRES_SSL !== 'verify')
    yield 'POSTGRES_SSL=verify is needed with POSTGRES_SSL_CA';
  if (config.TEST_SABOTAGE && nodeEnv !== 'test')
    yield 'TEST_SABOTAGE makes the metrics wrong: it is for tests, and needs NODE_ENV=test';
  if (config.HOST && !isLoopback(config.HOST) && !config.ADMIN_API_KEY)
    yield `ADMIN_API_KEY (at least 32 characters) is needed to listen on HOST=${config.HOST}; without one the service listens on 127.0.0.1 only`;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/** True when PostgreSQL is the one that this process starts itself. */
export const usesEmbeddedPostgres = (config: Config): boolean =>
  !config.DATABASE_URL && !config.POSTGRES_HOST;

/** Topic of the embedded log: the name of its table. */
const EMBEDDED_TOPIC = 'event_log';

/** The topic whose partitions make up the pipeline. */
export const topicOf = (config: Pick<Config, 'KAFKA_BROKERS' | 'KAFKA_TOPIC'>): string =>
  config.KAFKA_BROKERS ? config.KAFKA_TOPIC : EMBEDDED_TOPIC;

/** True when the log is the `event_log` table rather than Kafka. */
export const usesEmbeddedLog = (config: Config): boolean => !config.KAFKA_BROKERS;

/** True when the simulator starts with the service: when asked to, or when everything is embedded and nothing was said. */
export const simulatesAtBoot = (config: Config): boolean =>
  config.SIMULATOR_AUTOSTART ?? (usesEmbeddedLog(config) && usesEmbeddedPostgres(config));
