import { AnswerKey } from './answer-key.js';
import { defaultWeights } from './default-weights.js';
import { unpack } from './packed-events.js';
import { TrafficSource } from './traffic-source.js';
import { Traffic, type SentEvent } from './traffic.js';

const START = Date.UTC(2025, 10, 8, 10);
const rules = {
  maxLateness: 3_600_000,
  watermarkDelay: 0,
  lateEvents: 'amend',
  deduplicationWindow: 600_000,
} as const;
const partitionOf = (key: string): number => Number(key) % 3;
const newest = [null, null, null];

const traffic = (): Traffic =>
  new Traffic({
    ...defaultWeights,
    ...{ seed: 7, startTime: START, eventsPerSecond: 1000, timeScale: 60, diurnal: false, bursts: null },
    ...{
      invalidRate: 0.1,
      futureRate: 0,
      lateRate: 0.1,
      lateSeconds: 900,
      outOfOrderSeconds: 60,
      duplicateRate: 0.1,
    },
  });
const source = (of: Pick<Traffic, 'next'> = traffic()): TrafficSource =>
  new TrafficSource(of as Traffic, new AnswerKey(rules, newest, START + 86_400_000), partitionOf);

/** The answer to the first events of the traffic. */
function answerTo(count: number) {
  const key = new AnswerKey(rules, newest, START + 86_400_000);
  const events = traffic();
  for (let left = count; left > 0; left--) {
    const event = events.next();
    key.add(event, partitionOf(event.key));
  }
  return key.answer();
}

describe('a source of traffic', () => {
  it('gives the events of the traffic, each with the partition of its key', () => {
    const events = traffic();
    const from = source();
    for (const packed of [from.next(), from.next()])
      for (const { key, value, partition } of unpack(packed)) {
        const expected = events.next();
        expect({ key, value }).toEqual({ key: expected.key, value: expected.value });
        expect(partition).toBe(partitionOf(expected.key));
      }
  });

  it('answers for what was sent, and not for what was made ahead', () => {
    const from = source();
    from.next();
    from.next();
    expect(from.answer()).toEqual(answerTo(0));
    from.sent(1500);
    expect(from.answer()).toEqual(answerTo(1500));
    from.sent(0);
    from.sent(700);
    expect(from.answer()).toEqual(answerTo(2200));
    expect(from.answer().partitions.reduce((sum, { sent }) => sum + sent, 0)).toBe(2200);
  });

  it('makes no more than some thousand events or a megabyte at a time', () => {
    expect(unpack(source().next())).toHaveLength(2000);
    const events = traffic();
    const large = source({ next: (): SentEvent => ({ ...events.next(), value: Buffer.alloc(300_000) }) });
    expect(unpack(large.next())).toHaveLength(4);
  });
});
