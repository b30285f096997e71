import { randomInt } from 'node:crypto';
import { Logger } from '@nestjs/common';
import dotenv from 'dotenv';
import { ConfigError, parseConfig, type Config } from '../config/config.js';
import { StartupError } from '../config/startup-error.js';
import { UsageError } from '../config/usage-error.js';
import { CommandLog } from './command/command-log.js';
import { displayOn } from './command/display.js';
import { KafkaTarget } from './command/kafka-target.js';
import { KeyFile, keyOf } from './command/key-file.js';
import { NdjsonTarget } from './command/ndjson-target.js';
import type { RunTarget } from './command/run-target.js';
import { SimulateCommand, type CommandResult, type CommandRun } from './command/simulate.command.js';
import { USAGE } from './command/usage.js';
import { simulateOrder, type SimulateOrder } from './core/command-line.js';
import { expectedEvents, runParameters } from './core/run-parameters.js';
import { summaryLines } from './core/run-summary.js';

/** npm hands on a Ctrl-C that the terminal has told this process as well; a second one in earnest comes later. */
const SAME_SIGNAL_MS = 1000;

async function main(): Promise<boolean> {
  const order = simulateOrder(process.argv.slice(2));
  if (order === null) {
    console.log(USAGE);
    return true;
  }
  const config = configOf(order);
  const { seed = randomInt(2 ** 32), ...request } = order.run;
  const run = { seed, parameters: runParameters(request, Date.now(), order.paced), paced: order.paced };
  const target = await targetOf(order, config);
  try {
    const key = order.expected === null ? null : await KeyFile.open(order.expected);
    return await simulate(run, config, target, key);
  } finally {
    await target.close();
  }
}

/** @throws UsageError, ConfigError */
function configOf({ output, brokers, topic, partitions }: SimulateOrder): Config {
  dotenv.config({ quiet: true });
  const config = parseConfig({
    ...process.env,
    ...(brokers !== null && { KAFKA_BROKERS: brokers }),
    ...(topic !== null && { KAFKA_TOPIC: topic }),
    ...(partitions !== null && { KAFKA_TOPIC_PARTITIONS: String(partitions) }),
  });
  if (output === null && !config.KAFKA_BROKERS)
    throw new UsageError(
      'Give --brokers host:port (or KAFKA_BROKERS) for Kafka, or --output for a file. The embedded log is filled by a service only: POST /simulator/start',
    );
  return config;
}

async function targetOf({ output, partitions }: SimulateOrder, config: Config): Promise<RunTarget> {
  return output === null ? new KafkaTarget(config, partitions) : NdjsonTarget.open(output, partitions ?? 1);
}

/** @returns whether all went well */
async function simulate(
  run: CommandRun,
  config: Config,
  target: RunTarget,
  key: KeyFile | null,
): Promise<boolean> {
  const display = displayOn(process.stderr, expectedEvents(run.parameters));
  const log = new CommandLog((line) => {
    display.note(line);
  });
  Logger.overrideLogger(log);
  const command = new SimulateCommand(run, config, target, display);
  stopOnSignals(command, log);
  const result = await command.result();
  display.end();

  // The reader of a pipe has had enough.
  const isUnread = log.failure !== null && 'code' in log.failure && log.failure.code === 'EPIPE';
  if (!isUnread) for (const line of summaryLines(result.summary)) console.error(line);
  const isKeyed = await conclude(run, config, target, key, result);
  if (isUnread) return isKeyed;
  if (result.summary.status === 'failed')
    console.error(`\nIt failed: ${log.failure?.message ?? result.lastError ?? 'see above'}`);
  return isKeyed && result.summary.status !== 'failed' && result.summary.sent > 0;
}

/** @returns false when the key was asked for and cannot be told */
async function conclude(
  run: CommandRun,
  config: Config,
  { topic }: RunTarget,
  key: KeyFile | null,
  { answer, first }: CommandResult,
): Promise<boolean> {
  if ('doubt' in answer) {
    if (key) console.error(`No answer key: ${answer.doubt}`);
    else if (topic !== null) console.error(`Warning: ${answer.doubt}`);
    await key?.discard();
    return key === null;
  }
  await key?.write(keyOf(run, config, topic, { ...answer, first }));
  if (key) console.error(`  key: ${key.path}`);
  return true;
}

/** The first one ends the run in order, another one at once. */
function stopOnSignals(command: SimulateCommand, log: CommandLog): void {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    log.warn('Ending when what is on its way is through; again to end at once');
    void command.stop();
    setTimeout(() => {
      for (const signal of signals) process.off(signal, stop);
    }, SAME_SIGNAL_MS).unref();
  };
  for (const signal of signals) process.on(signal, stop);
}

// Whoever read it is gone; that is no reason to end.
process.stderr.on('error', () => undefined);

main()
  .then((succeeded) => process.exit(succeeded ? 0 : 1))
  .catch((error: unknown) => {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`);
      process.exit(2);
    }
    if (error instanceof ConfigError || error instanceof StartupError) console.error(`\n${error.message}\n`);
    else console.error(error);
    process.exit(1);
  });
