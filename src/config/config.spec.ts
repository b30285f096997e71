import { readFileSync } from 'node:fs';
import { ConfigError, parseConfig } from './config.js';
import { configurationTable } from './configuration-table.js';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('parseConfig', () => {
  it('needs nothing, and then embeds everything on loopback', () => {
    expect(parseConfig({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 3000,
      KAFKA_TOPIC: 'telecom_events',
      START_FROM: 'earliest',
      WATERMARK_DELAY: 60_000,
      IDLE_TIMEOUT: 60_000,
      MAX_LATENESS: 7 * 86_400_000,
      MAX_EVENT_BYTES: 1_048_576,
      FLUSH_INTERVAL: 1_000,
      LATE_EVENTS: 'amend',
    });
    expect(parseConfig({}).KAFKA_BROKERS).toBeUndefined();
    expect(Object.isFrozen(parseConfig({}))).toBe(true);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(parseConfig({ KAFKA_BROKERS: '', PORT: ' ' })).toMatchObject({ PORT: 3000 });
  });

  it('reads durations with units, and bare numbers as milliseconds', () => {
    expect(parseConfig({ FLUSH_INTERVAL: '250', WATERMARK_DELAY: '90s', MAX_LATENESS: '2 d' })).toMatchObject(
      {
        FLUSH_INTERVAL: 250,
        WATERMARK_DELAY: 90_000,
        MAX_LATENESS: 172_800_000,
      },
    );
  });

  it('reads lists of brokers', () => {
    expect(parseConfig({ KAFKA_BROKERS: 'a:9092, b:9093,' }).KAFKA_BROKERS).toEqual(['a:9092', 'b:9093']);
  });

  it.each([
    '5 0 * * *',
    ' 5  0 * * * ',
    '0 5 0 * * *',
    '* * * * *',
    '*/15 0-6 * * 1-5',
    '30 4 * * SUN',
    '0 0 31 * *',
    '0 0 1 1 *',
    '59 23 31 12 *',
    '@daily',
    '@weekly',
    '@yearly',
  ])('takes DAILY_BATCH_CRON=%j', (cron) => {
    expect(parseConfig({ DAILY_BATCH_CRON: cron }).DAILY_BATCH_CRON).toBe(cron.trim());
  });

  it.each([
    ['a minute that is none', '61 * * * *'],
    ['an hour that is none', '5 24 * * *'],
    ['too few fields', '* * *'],
    ['too many fields', '5 0 * * * * *'],
    ['a word', 'foo'],
    ['a time that is not known beforehand', '@reboot'],
    ['an instant', '2025-11-08T00:05:00Z'],
    ['a step of zero', '*/0 * * * *'],
    ['a range the wrong way round', '0 3-1 * * *'],
    ['a day that never comes', '0 0 30 2 *'],
    ['a day that does not come every year', '0 0 29 2 *'],
  ])('refuses a DAILY_BATCH_CRON with %s: %j', (_, cron) => {
    expect(problemsOf({ DAILY_BATCH_CRON: cron })).toEqual([
      `DAILY_BATCH_CRON must be a cron expression such as 5 0 * * * that fires at least once a year, not "${cron}"`,
    ]);
  });

  it('reads how the batch retries, and what is kept for how long', () => {
    expect(parseConfig({})).toMatchObject({
      DAILY_BATCH_CRON: '5 0 * * *',
      BATCH_RETRIES: 3,
      BATCH_RETRY_DELAY: 300_000,
      STALE_REBUILD_DELAY: 300_000,
    });
    expect(parseConfig({})).not.toHaveProperty('METRICS_RETENTION_DAYS');
    expect(parseConfig({ METRICS_RETENTION_DAYS: '30', DAILY_STATS_RETENTION_MONTHS: '24' })).toMatchObject({
      METRICS_RETENTION_DAYS: 30,
      DAILY_STATS_RETENTION_MONTHS: 24,
    });
    const tooLittle = { METRICS_RETENTION_DAYS: '0', ANOMALIES_RETENTION_DAYS: '0', BATCH_RETRIES: '-1' };
    expect(problemsOf(tooLittle).map((problem) => problem.split(' ')[0])).toEqual([
      'BATCH_RETRIES',
      'METRICS_RETENTION_DAYS',
      'ANOMALIES_RETENTION_DAYS',
    ]);
  });

  it('wants at least four connections: some work takes a second one while it holds the first', () => {
    expect(parseConfig({ POSTGRES_POOL_SIZE: '4' }).POSTGRES_POOL_SIZE).toBe(4);
    for (const size of ['3', '1', '0'])
      expect(problemsOf({ POSTGRES_POOL_SIZE: size })).toEqual([
        `POSTGRES_POOL_SIZE must be from 4 to 200, not "${size}"`,
      ]);
  });

  it('reports every mistake at once, by name', () => {
    const problems = problemsOf({
      PORT: 'x',
      FLUSH_INTERVAL: 'soon',
      LATE_EVENTS: 'drop',
      KAFKA_BROKERS: 'nonsense',
      START_FROM: 'now',
    });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'PORT',
      'KAFKA_BROKERS',
      'START_FROM',
      'LATE_EVENTS',
      'FLUSH_INTERVAL',
    ]);
  });

  it('never prints a secret', () => {
    const secret = 'hunter2-and-too-short';
    const problems = problemsOf({
      ADMIN_API_KEY: secret,
      DATABASE_URL: `mysql://root:${secret}@db`,
      KAFKA_SASL_PASSWORD: secret,
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain(secret);
  });

  it.each([
    [{ HOST: '0.0.0.0' }, 'ADMIN_API_KEY'],
    [{ DATABASE_URL: 'postgresql://a@b/c', POSTGRES_HOST: 'b' }, 'keep one'],
    [{ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'a', KAFKA_SASL_PASSWORD: 'b' }, 'in the clear'],
    [{ KAFKA_SASL_MECHANISM: 'scram-sha-512' }, 'KAFKA_SASL_USERNAME'],
    [{ KAFKA_SASL_USERNAME: 'a' }, 'KAFKA_SASL_MECHANISM'],
    [{ KAFKA_SSL_CA: 'ca.pem' }, 'KAFKA_SSL=true'],
    [{ KAFKA_SSL: 'true', KAFKA_SSL_CERT: 'a.pem' }, 'go together'],
    [{ POSTGRES_SSL_CA: 'ca.pem' }, 'POSTGRES_SSL=verify'],
  ])('refuses what contradicts itself: %o', (env, expected) => {
    expect(problemsOf(env as Record<string, string>).join()).toContain(expected);
  });

  it('lets itself be sabotaged in tests only', () => {
    const env = { TEST_SABOTAGE: 'drop:10000' };
    expect(parseConfig({ ...env, NODE_ENV: 'test' }).TEST_SABOTAGE).toEqual({ fault: 'drop', oneIn: 10_000 });
    expect(parseConfig({ NODE_ENV: 'test' })).not.toHaveProperty('TEST_SABOTAGE');
    for (const nodeEnv of ['', 'production', 'development'])
      expect(problemsOf({ ...env, NODE_ENV: nodeEnv })).toEqual([
        'TEST_SABOTAGE makes the metrics wrong: it is for tests, and needs NODE_ENV=test',
      ]);
    expect(problemsOf(env)).toHaveLength(1);
  });

  it.each(['drop', 'double:', 'drop:0', 'drop:-1', 'drop:1.5', 'lose:10', 'drop:1:2', 'DROP:1'])(
    'refuses TEST_SABOTAGE=%s',
    (given) => {
      expect(problemsOf({ TEST_SABOTAGE: given, NODE_ENV: 'test' })).toEqual([
        `TEST_SABOTAGE must be drop:N or double:N, not "${given}"`,
      ]);
    },
  );

  it('listens anywhere with a key', () => {
    expect(problemsOf({ HOST: '0.0.0.0', ADMIN_API_KEY: 'k'.repeat(32) })).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  it('lists every variable as the code has it (npm run docs:config)', () => {
    expect(readFileSync('docs/configuration.md', 'utf8')).toContain(configurationTable());
  });
});
