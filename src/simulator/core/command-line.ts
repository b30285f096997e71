import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../../config/usage-error.js';
import { brokerList, topicName } from '../../config/values.js';
import { fieldErrors } from '../../http/field-errors.js';
import type { FieldError } from '../../http/problem.js';
import { startRunSchema, type StartRun } from '../simulator.schemas.js';

/** What a command line asks for. */
export interface SimulateOrder {
  readonly run: StartRun;
  /** Where to write NDJSON instead of publishing: a file, or `-` for stdout. */
  readonly output: string | null;
  /** As in KAFKA_BROKERS and KAFKA_TOPIC; null leaves it to those. */
  readonly brokers: string | null;
  readonly topic: string | null;
  readonly partitions: number | null;
  /** The file that the answer key goes to. */
  readonly expected: string | null;
  /** False: as fast as it goes. */
  readonly paced: boolean;
}

const numbers = {
  rate: 'eventsPerSecond',
  total: 'totalEvents',
  duration: 'durationSeconds',
  seed: 'seed',
  'time-scale': 'timeScale',
  'invalid-rate': 'invalidRate',
  'future-rate': 'futureRate',
  'late-rate': 'lateRate',
  'late-seconds': 'lateSeconds',
  'out-of-order-seconds': 'outOfOrderSeconds',
  'duplicate-rate': 'duplicateRate',
} as const;

const weights = {
  'type-weights': 'typeWeights',
  'region-weights': 'regionWeights',
  'invalid-weights': 'invalidWeights',
} as const;

/** The parameter of a run that each option sets. */
const parameters: Readonly<Record<string, keyof StartRun>> = {
  ...numbers,
  ...weights,
  'start-time': 'startTime',
  bursts: 'bursts',
};

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const others = {
  diurnal: flag,
  brokers: text,
  topic: text,
  partitions: text,
  output: text,
  expected: text,
  fast: flag,
  help: { ...flag, short: 'h' },
} as const;

const MAX_PARTITIONS = 10_000;

/**
 * What a command line asks for; null when that is help.
 * @param args without the names of node and the script
 * @throws UsageError with a line for each mistake
 */
export function simulateOrder(args: readonly string[]): SimulateOrder | null {
  const { given, flags } = parse(args);
  if (flags.help) return null;
  const { output = null, expected = null, brokers = null, topic = null } = given;
  const problems = [...pathProblems(given), ...kafkaProblems(given)];
  const run = startRunSchema.safeParse({ ...requestOf(given, problems), diurnal: flags.diurnal });
  problems.push(...fieldErrors(run.error?.issues ?? [], 'run').map(problemOf));
  const partitions = given.partitions === undefined ? null : Number(given.partitions);
  if (!run.success || problems.length > 0) throw new UsageError(problems.join('\n'));
  return { run: run.data, output, brokers, topic, partitions, expected, paced: !flags.fast };
}

type Given = Readonly<Record<string, string | undefined>>;

function parse(args: readonly string[]): {
  given: Given;
  flags: { diurnal: boolean; fast: boolean; help: boolean };
} {
  const texts = Object.fromEntries(Object.keys(parameters).map((name) => [name, text]));
  try {
    const { values } = parseArgs({ args: [...args], options: { ...texts, ...others } });
    const { diurnal, fast, help, ...given } = values;
    return { given, flags: { diurnal, fast, help } };
  } catch (error) {
    // Node goes on to explain how to give file names that begin with a dash.
    const [line = ''] = (error as Error).message.split(/\.? To specify|\n/);
    throw new UsageError(line);
  }
}

/** The body of POST /simulator/start that says the same. */
function requestOf(given: Given, problems: string[]): Record<string, unknown> {
  const request: Record<string, unknown> = { startTime: given['start-time'] };
  for (const [option, name] of Object.entries(numbers)) request[name] = numberOf(given[option]);
  for (const [option, name] of Object.entries(weights)) {
    const parsed = weightsOf(given[option]);
    if (parsed === null) problems.push(`--${option} must be name=weight,name=weight`);
    else request[name] = parsed;
  }
  const bursts = burstsOf(given.bursts);
  if (bursts === null) problems.push('--bursts must be every:duration:factor, such as 60:5:10');
  else request.bursts = bursts;
  return request;
}

/** @returns not a number for a text that is none; `Number` would take an empty one for 0 */
function numberOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given) ? Number(given) : Number.NaN;
}

/** @returns null when it cannot be read */
function weightsOf(given: string | undefined): Record<string, number | undefined> | null | undefined {
  if (given === undefined) return undefined;
  const pairs = given.split(',').map((pair) => pair.split('='));
  if (!pairs.every((pair) => pair.length === 2)) return null;
  return Object.fromEntries(pairs.map(([name = '', weight]) => [name.trim(), numberOf(weight?.trim())]));
}

function burstsOf(given: string | undefined): object | null | undefined {
  if (given === undefined) return undefined;
  const [everySeconds, durationSeconds, factor, ...more] = given.split(':').map(numberOf);
  return factor === undefined || more.length > 0 ? null : { everySeconds, durationSeconds, factor };
}

/** `--rate must be …`; what is inside a value is named after the option. */
function problemOf({ field, message }: FieldError): string {
  const [name = '', ...inside] = field.split('.');
  const option = Object.keys(parameters).find((each) => parameters[each] === name) ?? name;
  return `--${option}${inside.length > 0 ? ` (${inside.join('.')})` : ''} ${message}`;
}

function* pathProblems({ output, expected }: Given): Generator<string> {
  for (const [option, path] of Object.entries({ output, expected }))
    if (path === '') yield `--${option} must name a file`;
  if (expected === '-') yield '--expected must name a file';
  else if (expected !== undefined && output !== undefined && resolve(expected) === resolve(output))
    yield '--expected must name another file than --output';
}

function* kafkaProblems({ output, brokers, topic, partitions }: Given): Generator<string> {
  for (const [option, given, schema] of [
    ['brokers', brokers, brokerList],
    ['topic', topic, topicName],
  ] as const) {
    if (given === undefined) continue;
    if (output !== undefined) yield `--${option} does not go together with --output`;
    for (const { message } of schema.safeParse(given).error?.issues ?? []) yield `--${option} ${message}`;
  }
  if (partitions === undefined) return;
  const count = /^\d+$/.test(partitions) ? Number(partitions) : 0;
  if (count < 1 || count > MAX_PARTITIONS)
    yield `--partitions must be a whole number from 1 to ${MAX_PARTITIONS}`;
}
