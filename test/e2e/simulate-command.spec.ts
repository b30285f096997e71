import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Expected } from '../../src/simulator/answer-key.schemas.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { waitFor } from '../support/service.js';

type Key = Omit<Expected, 'runId' | 'topic'> & { topic?: string; seed: number };

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { simulate: string } };
const [, program] = scripts.simulate.split(' ') as [string, string];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the command line that is going on. */
function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => (output[name] += chunk.toString()));
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, ...output }));
  return { child, output, ended };
}

const simulate = (line: string, env: Record<string, string> = {}): Promise<Ended> =>
  start(line === '' ? [] : line.split(' '), env).ended;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'telecom-simulate-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const file = (name: string): string => join(folder, name);
const keyIn = (name: string): Key => JSON.parse(readFileSync(file(name), 'utf8')) as Key;
const linesOf = (name: string): string[] => readFileSync(file(name), 'utf8').split('\n').slice(0, -1);
const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

describe('npm run simulate with --output', () => {
  const LATE =
    '--fast --rate 10 --total 20000 --late-rate 0.1 --out-of-order-seconds 300 --duplicate-rate 0.02';

  it('writes the same bytes and key for the same seed and parameters', async () => {
    for (const name of ['one', 'other'])
      expect(
        await simulate(
          `${LATE} --invalid-rate 0.1 --seed 7 --start-time 2025-11-08T00:00:00Z --output ${file(name)} --expected ${file(name)}.json`,
        ),
      ).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(file('one')).equals(readFileSync(file('other')))).toBe(true);
    expect(keyIn('one.json')).toEqual(keyIn('other.json'));
    const { seed, sent, counted, lateCounted, duplicates, anomalies } = keyIn('one.json');
    expect(linesOf('one')).toHaveLength(20_000);
    expect([seed, sent]).toEqual([7, 20_000]);
    expect(counted + lateCounted + duplicates + sum(anomalies)).toBe(20_000);
    expect(sum(anomalies)).toBeGreaterThan(1500);
  });

  it('makes a key that holds for what is in the file', async () => {
    const { code, stderr } = await simulate(
      `${LATE} --seed 8 --output ${file('events')} --expected ${file('key')}`,
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^finished: 20,000 events, [\d.]+ MB, [\d.]+ s, [\d,]+ events\/s\n/);
    const key = keyIn('key');
    const { counted, lateCounted, duplicates, windows } = countedBySelf(linesOf('events'));
    expect(lateCounted).toBeGreaterThan(500);
    expect(key).toMatchObject({ sent: 20_000, counted, lateCounted, anomalies: {} });
    expect(key).not.toHaveProperty('topic');
    expect(key.partitions[0]).not.toHaveProperty('endOffset');
    expect(key.duplicates).toBe(duplicates);
    expect(duplicates).toBeGreaterThan(200);
    const found = key.windows.map(
      ({ metricType, metricKey, windowStart, eventCount, lateEvents, metricValue }) => [
        `${metricType} ${metricKey} ${windowStart}`,
        { eventCount, lateEvents, metricValue: expect.closeTo(metricValue, 6) as number },
      ],
    );
    expect(windows).toEqual(Object.fromEntries(found));
    // No event is ahead of the clock, though all were sent at once.
    expect(Date.parse(key.windows.at(-1)!.windowStart)).toBeLessThan(Date.now());
  });

  it('makes no key for events that are ahead of the clock, since all are sent at once', async () => {
    const { code, stderr } = await simulate(
      `--fast --rate 1 --total 1000 --start-time ${new Date().toISOString()} --output ${file('events')} --expected ${file('key')}`,
    );
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/No answer key: \d+ events were more than 5 min/),
    ]);
    expect(existsSync(file('key'))).toBe(false);
  });

  it('writes nothing but events to stdout', async () => {
    const { code, stdout, stderr } = await simulate('--fast --total 3000 --output -');
    expect(code).toBe(0);
    const lines = stdout.split('\n').slice(0, -1);
    expect(lines).toHaveLength(3000);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('msisdn');
    expect(stderr).toContain('finished: 3,000 events');
  });

  it('ends without a word when the reader of a pipe has had enough', async () => {
    const line = `{ "${process.execPath}" ${program} --fast --output -; echo "code $?" >&2; } | head -n 3`;
    const { stdout, stderr } = await new Promise<Omit<Ended, 'code'>>((resolve) => {
      execFile('sh', ['-c', line], (_error, stdout, stderr) => {
        resolve({ stdout, stderr });
      });
    });
    expect(stdout.split('\n')).toHaveLength(4);
    expect(stderr).toBe('code 0\n');
  });

  it('ends in order by Ctrl-C, with a key for what was sent', async () => {
    const { child, ended } = start(
      `--rate 2000 --output ${file('events')} --expected ${file('key')}`.split(' '),
    );
    await waitFor('events', () => existsSync(file('events')) && linesOf('events').length > 100);
    // As npm does, which hands on what the terminal has told the command as well.
    child.kill('SIGINT');
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([0, expect.stringContaining('stopped: ')]);
    expect(keyIn('key').sent).toBe(linesOf('events').length);
  });

  it('keeps the pace', async () => {
    const began = performance.now();
    expect(await simulate(`--rate 500 --duration 2 --output ${file('events')}`)).toMatchObject({ code: 0 });
    expect(performance.now() - began).toBeGreaterThan(2000);
    expect(Math.abs(linesOf('events').length - 1000)).toBeLessThanOrEqual(1);
  });
});

(hasKafka ? describe : describe.skip)('npm run simulate with Kafka', () => {
  let topic: TestTopic;
  beforeEach(async () => {
    topic = await createTestTopic(3);
  });
  afterEach(() => topic.close());

  async function endsOf(name: string): Promise<Record<string, string>> {
    const admin = topic.kafka.admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(name);
    await admin.disconnect();
    return Object.fromEntries(offsets.map(({ partition, high }) => [partition, high]));
  }
  const keyedEnds = ({ partitions }: Key): Record<string, string> =>
    Object.fromEntries(partitions.map(({ partition, endOffset }) => [partition, endOffset]));

  it('publishes all of it, as the key says', async () => {
    const { code, stderr } = await simulate(
      `--brokers ${topic.brokers} --topic ${topic.topic} --fast --total 20000 --invalid-rate 0.05 --expected ${file('key')}`,
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining(`Topic ${topic.topic}: 3 partitions`)]);
    const key = keyIn('key');
    expect(key).toMatchObject({ topic: topic.topic, sent: 20_000 });
    expect(key).not.toHaveProperty('runId');
    expect(await endsOf(topic.topic)).toEqual(keyedEnds(key));
    expect(key.partitions.every(({ sent }) => sent > 5000)).toBe(true);
  });

  it('creates the topic of the environment, and warns of one that is not empty', async () => {
    const env = { KAFKA_BROKERS: topic.brokers, KAFKA_TOPIC: `${topic.topic}-new` };
    const first = await simulate('--fast --total 100 --partitions 2', env);
    expect([first.code, first.stderr]).toEqual([
      0,
      expect.stringContaining(`Created topic ${topic.topic}-new: 2 partitions\n`),
    ]);
    expect(first.stderr).not.toContain('Warning');
    const again = await simulate(`--fast --total 100 --expected ${file('key')}`, env);
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringContaining('Warning: the topic is not empty'),
    ]);
    expect(keyedEnds(keyIn('key'))).toEqual(await endsOf(`${topic.topic}-new`));
  });

  it('makes no key when others write to the topic as well', async () => {
    const { output, ended, child } = start(
      `--brokers ${topic.brokers} --topic ${topic.topic} --rate 100 --expected ${file('key')}`.split(' '),
    );
    await waitFor('the topic', () => output.stderr.includes('3 partitions'));
    await topic.publish([Buffer.from('x')], () => 1);
    await waitFor('events', async () => Number((await endsOf(topic.topic))[0]) > 0);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/No answer key: partition 1 ends at offset \d+ instead of \d+: others have/),
    ]);
    expect(existsSync(file('key'))).toBe(false);
  });
});

describe('npm run simulate that cannot go on', () => {
  it('waits for Kafka, says so, and ends by Ctrl-C', async () => {
    const { child, output, ended } = start(['--brokers', '127.0.0.1:1', '--total', '5']);
    await waitFor('a word', () => output.stderr.includes('waits for the log: Kafka (127.0.0.1:1)'));
    child.kill('SIGINT');
    expect((await ended).code).toBe(1);
  });

  it.each([
    ['--rate fast', 2, /^--rate must be a number from 0\.1 to 200000\n\n/],
    ['--frob', 2, /^Unknown option '--frob'\n\n/],
    ['', 2, /^Give --brokers host:port \(or KAFKA_BROKERS\) for Kafka, or --output for a file\./],
    ['--output /nowhere/at/all', 1, /^\n--output cannot be written: ENOENT/],
    ['--output /dev/null --expected /nowhere/key', 1, /^\n--expected cannot be written: ENOENT/],
    ['--fast --total 10 --output /dev/full', 1, /\nIt failed: ENOSPC/],
  ])('says why: %s', async (line, code, message) => {
    const ended = await simulate(line);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toMatch(message);
  });

  it('prints help on stdout', async () => {
    const { code, stdout, stderr } = await simulate('--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('npm run simulate -- --brokers');
  });
});

interface Counted {
  eventCount: number;
  lateEvents: number;
  metricValue: number;
}

/** What the documentation says of the events of one partition, none of them broken and none too late. */
function countedBySelf(lines: readonly string[]) {
  const windows: Record<string, Counted> = {};
  let [newest, counted, lateCounted, duplicates] = [-Infinity, 0, 0, 0];
  const lastSeen = new Map<unknown, number>();
  for (const line of lines) {
    const event = JSON.parse(line) as Record<string, string | number | null>;
    const time = Date.parse(String(event.timestamp));
    const before = lastSeen.get(event.event_id) ?? -Infinity;
    lastSeen.set(event.event_id, Math.max(newest, time));
    if (Math.max(newest, time) - before <= 600_000) {
      duplicates++;
      continue;
    }
    const type = [event.event_type, event.event_subtype].filter((part) => part !== null).join('_');
    let isLate = false;
    for (const [metric, key, minutes] of [
      ['event_type_agg', type, 5],
      ['region_agg', event.region, 10],
    ] as const) {
      const start = time - (time % (minutes * 60_000));
      const lateForIt = start + minutes * 60_000 <= newest - 60_000;
      isLate ||= lateForIt;
      const at = `${metric} ${key} ${new Date(start).toISOString().replace('.000', '')}`;
      const window = (windows[at] ??= { eventCount: 0, lateEvents: 0, metricValue: 0 });
      window.eventCount++;
      if (lateForIt) window.lateEvents++;
      if (metric === 'event_type_agg' && type === 'data_session')
        window.metricValue += Number(event.data_mb) / 1024;
      else if (metric === 'event_type_agg' && type === 'balance_recharge')
        window.metricValue += Number(event.amount);
      else window.metricValue++;
    }
    if (isLate) lateCounted++;
    else counted++;
    newest = Math.max(newest, time);
  }
  return { counted, lateCounted, duplicates, windows };
}
