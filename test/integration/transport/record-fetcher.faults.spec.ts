import { Fetching } from '../../support/fetching.js';
import { createTestTopic, hasKafka, type TestTopic } from '../../support/kafka.js';
import { waitFor } from '../../support/service.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const suite = hasKafka ? describe : describe.skip;

suite('RecordFetcher, when not all goes well', () => {
  let topic: TestTopic;
  let proxy: TcpProxy;
  let other: TcpProxy;
  let fetching: Fetching;

  async function begin(partitions: number, maxBytes: number, maxWaitMs = 50): Promise<void> {
    topic = await createTestTopic(partitions);
    proxy = await TcpProxy.start(topic.brokers);
    other = await TcpProxy.start(topic.brokers);
    fetching = new Fetching(topic, { maxBytes, maxWaitMs, through: [proxy, other] });
    fetching.cluster.leaderOf = (partition) => (partition === 2 ? 1 : 0);
    await fetching.findLog();
  }
  afterEach(async () => {
    release?.();
    await fetching.stop();
    await Promise.all([proxy.stop(), other.stop()]);
    await topic.close();
  });

  const numbers = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i);
  /** Batches of 10 kB and of 10 records. */
  async function publish(partition: number, batches: number): Promise<void> {
    for (let batch = 0; batch < batches; batch++)
      await topic.publish(
        numbers(0, 10).map(() => Buffer.alloc(1_000, 'x')),
        () => partition,
      );
  }
  const has = (partition: number, count: number): Promise<unknown> =>
    waitFor(`${count} records of partition ${partition}`, () => fetching.values(partition).length >= count);

  let release: (() => void) | undefined;
  /** Keeps the first batch from being taken in. */
  function hold(): Promise<void> {
    return new Promise((held) => {
      const gate = new Promise<void>((resolve) => (release = resolve));
      fetching.before = () => {
        held();
        return gate;
      };
    });
  }
  /** Until nothing has come for a while. */
  async function silence(through: TcpProxy): Promise<void> {
    let before = -1;
    let quiet = 0;
    await waitFor('silence', () => {
      quiet = through.received === before ? quiet + 1 : 0;
      before = through.received;
      return quiet === 6;
    });
  }

  it('connections that are cut, also within an answer, lose and double nothing', async () => {
    await begin(2, 50_000);
    await Promise.all([publish(0, 60), publish(1, 60)]);
    let cuts = 0;
    fetching.before = async () => {
      // In front of the answer that is on its way, and in the midst of one.
      if (cuts < 6 && ++cuts % 2 === 0) proxy.drop();
      else if (cuts < 6) proxy.dropAfter(cuts * 7_001);
      await new Promise(setImmediate);
    };
    fetching.read(0, 1);
    await Promise.all([has(0, 600), has(1, 600)]);
    for (const partition of [0, 1]) expect(fetching.offsets(partition)).toEqual(numbers(0, 600));
    expect(fetching.failures.length).toBeGreaterThan(0);

    fetching.before = () => undefined;
    proxy.drop();
    await publish(0, 1);
    await has(0, 610);
    expect(fetching.offsets(0)).toEqual(numbers(0, 610));
  });

  it('one who takes long has two answers waiting, and no more; then all is there', async () => {
    await begin(2, 200_000);
    await Promise.all([publish(0, 80), publish(1, 80)]);
    const held = hold();
    fetching.read(0, 1);
    await held;
    await waitFor('the second answer', () => proxy.received > 300_000);
    await silence(proxy);
    // Each is a batch too large at the most; metadata comes to it.
    expect(proxy.received).toBeLessThan(2 * (200_000 + 12_000) + 5_000);
    release!();
    await Promise.all([has(0, 800), has(1, 800)]);
    for (const partition of [0, 1]) expect(fetching.offsets(partition)).toEqual(numbers(0, 800));
    expect(fetching.failures).toEqual([]);
  });

  describe('partitions that move to another broker while records wait', () => {
    async function move(partition: number): Promise<void> {
      fetching.cluster.leaderOf = (each) => (each === partition || each === 2 ? 1 : 0);
      const before = other.received;
      other.drop(); // so that it looks for the leaders
      await waitFor('the other broker', () => other.received > before + 10_000);
      await silence(other);
    }

    it.each([
      ['that came ahead: they are not handed over by both', 1, 50_000],
      ['behind those of others: they are not overtaken', 1, 1_000_000],
      ['the one that is being taken in', 0, 50_000],
    ])('%s', async (_, partition, maxBytes) => {
      await begin(3, maxBytes);
      await Promise.all([publish(0, 20), publish(1, 20)]);
      const held = hold();
      fetching.read(0, 1, 2);
      await held;
      await publish(1, 20);
      await silence(proxy);
      await move(partition);
      release!();
      await Promise.all([has(0, 200), has(1, 400)]);
      expect(fetching.offsets(0)).toEqual(numbers(0, 200));
      expect(fetching.offsets(1)).toEqual(numbers(0, 400));
      for (const each of [0, 1]) {
        const steps = fetching.stepsOf(each);
        expect(steps.map(([from]) => from)).toEqual([0n, ...steps.map(([, next]) => next)].slice(0, -1));
      }
    });
  });

  describe('the end of the run', () => {
    const gone = (): Promise<unknown> =>
      waitFor('no connection to be open', () => proxy.open + other.open === 0);

    it('comes while the broker waits for records, and while there is nothing to ask for', async () => {
      await begin(1, 50_000, 5_000);
      await publish(0, 1);
      fetching.read(0);
      await has(0, 10);
      expect(proxy.open).toBeGreaterThan(0);
      const started = performance.now();
      await fetching.stop();
      expect(performance.now() - started).toBeLessThan(2_000);
      await gone();

      fetching = new Fetching(topic, { through: [proxy] });
      await fetching.findLog();
      fetching.read(0);
      await has(0, 10);
      fetching.fetcher.pause(0);
      await fetching.stop();
      await gone();
    });

    it('comes before it has begun', async () => {
      await begin(1, 50_000);
      await fetching.stop();
      await gone();
    });

    it('comes while connections are being opened to a broker that is away', async () => {
      await begin(1, 50_000);
      await publish(0, 1);
      fetching.read(0);
      await has(0, 10);
      await proxy.stop();
      await waitFor('a failure', () => fetching.failures.length > 1);
      await fetching.stop();
      await gone();
      proxy = await TcpProxy.start(topic.brokers);
    });

    it('waits for the batch that is being taken in, and hands over none behind it', async () => {
      await begin(2, 300_000);
      await Promise.all([publish(0, 10), publish(1, 10)]);
      const held = hold();
      fetching.read(0, 1);
      await held;
      let ended = false;
      const end = fetching.stop().then(() => (ended = true));
      await gone();
      expect(ended).toBe(false);
      release!();
      await end;
      expect(fetching.stepsOf(0).length + fetching.stepsOf(1).length).toBe(1);
    });
  });
});
