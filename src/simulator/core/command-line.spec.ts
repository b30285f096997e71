import { UsageError } from '../../config/usage-error.js';
import { startRunSchema } from '../simulator.schemas.js';
import { simulateOrder, type SimulateOrder } from './command-line.js';

const order = (line: string): SimulateOrder | null => simulateOrder(line === '' ? [] : line.split(' '));
const problems = (line: string): string[] => {
  try {
    order(line);
  } catch (error) {
    if (error instanceof UsageError) return error.message.split('\n');
    throw error;
  }
  return [];
};

describe('the command line of the simulator', () => {
  it('asks for what a request without a body asks for when it says nothing', () => {
    expect(order('')).toEqual({
      run: startRunSchema.parse({}),
      output: null,
      brokers: null,
      topic: null,
      partitions: null,
      expected: null,
      paced: true,
    });
  });

  it('has an option for every parameter of a request', () => {
    const request = {
      eventsPerSecond: 50_000,
      totalEvents: 5_000_000,
      durationSeconds: 1.5,
      seed: 7,
      startTime: '2025-11-08T00:00:00Z',
      timeScale: 1440,
      diurnal: true,
      bursts: { everySeconds: 60, durationSeconds: 5, factor: 10 },
      typeWeights: { call: 1, sms: 0.5 },
      regionWeights: { Almaty: 3, Қарағанды: 1 },
      invalidWeights: { missing_msisdn: 1 },
      invalidRate: 0.01,
      futureRate: 0.02,
      lateRate: 0.03,
      lateSeconds: 600,
      outOfOrderSeconds: 30,
      duplicateRate: 0.04,
    };
    const line =
      '--rate 50000 --total 5e6 --duration 1.5 --seed 7 --start-time 2025-11-08T00:00:00Z --time-scale 1440 --diurnal ' +
      '--bursts 60:5:10 --type-weights call=1,sms=.5 --region-weights Almaty=3,Қарағанды=1 --invalid-weights missing_msisdn=1 ' +
      '--invalid-rate 0.01 --future-rate 0.02 --late-rate 0.03 --late-seconds 600 --out-of-order-seconds 30 --duplicate-rate 0.04';
    expect(Object.keys(request).sort()).toEqual(Object.keys(startRunSchema.unwrap().shape).sort());
    expect(order(line)?.run).toEqual(startRunSchema.parse(request));
  });

  it('names where the events go, and the key', () => {
    expect(order('--brokers a:9092,b:9092 --topic load --partitions 12 --expected key.json')).toMatchObject({
      brokers: 'a:9092,b:9092',
      topic: 'load',
      partitions: 12,
      expected: 'key.json',
    });
    expect(order('--output - --fast --partitions 3')).toMatchObject({
      output: '-',
      paced: false,
      partitions: 3,
    });
  });

  it.each(['--help', '-h', '--help --rate x'])('may be about help: %s', (line) => {
    expect(order(line)).toBeNull();
  });

  it.each([
    ['--rate 0', '--rate must be a number from 0.1 to 200000'],
    ['--rate fast', '--rate must be a number from 0.1 to 200000'],
    ['--rate=', '--rate must be a number from 0.1 to 200000'],
    ['--rate 0x10', '--rate must be a number from 0.1 to 200000'],
    ['--total 1.5', '--total must be a whole number from 1 to 1000000000'],
    ['--seed=-1', '--seed must be a whole number from 0 to 4294967295'],
    ['--duration 0', '--duration must be a number from 0.1 to 2592000'],
    ['--late-rate 1.01', '--late-rate must be a number from 0 to 1'],
    [
      '--start-time yesterday',
      '--start-time must be an ISO 8601 instant of the years 2000 to 2099, such as 2025-11-08T22:30:00Z',
    ],
    ['--bursts 60:5', '--bursts must be every:duration:factor, such as 60:5:10'],
    ['--bursts 60:5:10:1', '--bursts must be every:duration:factor, such as 60:5:10'],
    ['--bursts 60:x:10', '--bursts (durationSeconds) must be a number from 0.1 to 86400'],
    ['--bursts 5:60:10', '--bursts (durationSeconds) must be less than everySeconds'],
    ['--type-weights call', '--type-weights must be name=weight,name=weight'],
    ['--type-weights call=1,', '--type-weights must be name=weight,name=weight'],
    ['--type-weights call=a', '--type-weights (call) must be a number from 0 to 1000000'],
    ['--type-weights mms=1,call=1', '--type-weights (mms) is not known here'],
    ['--region-weights Almaty=0', '--region-weights must have a weight above 0'],
    ['--brokers nowhere', '--brokers must be host:port, comma-separated'],
    ['--topic ..', '--topic must be 1 to 249 letters, digits, dots, dashes or underscores'],
    ['--partitions 0', '--partitions must be a whole number from 1 to 10000'],
    ['--partitions 1.5', '--partitions must be a whole number from 1 to 10000'],
    ['--output=', '--output must name a file'],
    ['--expected -', '--expected must name a file'],
    ['--output a --expected a', '--expected must name another file than --output'],
    ['--output a --expected ./a', '--expected must name another file than --output'],
    ['--output a --brokers b:1', '--brokers does not go together with --output'],
    ['--output a --topic b', '--topic does not go together with --output'],
    ['--rat 5', "Unknown option '--rat'"],
    ['--rate', "Option '--rate <value>' argument missing"],
    ['--rate -5', "Option '--rate' argument is ambiguous."],
    ['--fast=yes', "Option '--fast' does not take an argument"],
  ])('cannot be followed when it is %s', (line, problem) => {
    expect(problems(line)).toEqual([problem]);
  });

  it('is told all its mistakes, a line each', () => {
    expect(problems('--rate 0 --total 0 --partitions 0')).toEqual([
      '--partitions must be a whole number from 1 to 10000',
      '--rate must be a number from 0.1 to 200000',
      '--total must be a whole number from 1 to 1000000000',
    ]);
  });
});
