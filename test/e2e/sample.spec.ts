import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { expectBalancedLedger, expectSampleAnswers, sampleRecords } from '../support/sample.js';
import { waitFor } from '../support/service.js';
import { postLines, servicesPerTest } from '../support/services.js';

const records = sampleRecords();

describe('the sample, with its independently worked-out answers', () => {
  const { database, start, consumed, ...services } = servicesPerTest();
  const allConsumed = () => services.allConsumed(records.length);

  describe('through POST /events and the embedded log', () => {
    /** What is not JSON cannot stand in a JSON array; a string in its place is not a JSON object either. */
    const asElement = (record: Buffer): unknown => {
      try {
        return JSON.parse(record.toString());
      } catch {
        return record.toString();
      }
    };

    it('equals the answers to the digit', async () => {
      const service = await start({});
      for (let at = 0; at < records.length; at += 1000) {
        const accepted = await service.post('/events', records.slice(at, at + 1000).map(asElement));
        expect(accepted).toEqual({ accepted: 1000 });
      }
      await allConsumed();
      await expectSampleAnswers(database.dataSource);
      await expectBalancedLedger(database.dataSource);
    });

    it('also as newline-delimited JSON, when killed with -9 in the middle and started again', async () => {
      const first = await start({ FLUSH_MAX_EVENTS: '50' });
      await postLines(first, records);
      await waitFor('some events to be checkpointed', async () => (await consumed()) > 500);
      await first.kill();
      expect(await consumed()).toBeLessThan(records.length);
      await start({});
      await allConsumed();
      await expectSampleAnswers(database.dataSource);
      await expectBalancedLedger(database.dataSource);
    });
  });

  (hasKafka ? describe : describe.skip)('through Kafka', () => {
    let topic: TestTopic;
    afterEach(() => topic.close());

    it.each(['3', '100000'])(
      'on one partition equals the answers to the digit, flushed every %s events',
      async (size) => {
        topic = await createTestTopic(1);
        await topic.publish(records);
        const service = await start({ ...topic.env, FLUSH_MAX_EVENTS: size });
        await allConsumed();
        await expectSampleAnswers(database.dataSource);
        await expectBalancedLedger(database.dataSource);
        const { partitions } = await service.get<{ partitions: { ledger: object }[] }>('/pipeline');
        expect(partitions.map((partition) => partition.ledger)).toEqual([
          { consumed: 12_000, counted: 11_728, lateCounted: 102, anomalies: 170, duplicates: 0, skipped: 0 },
        ]);
      },
    );

    it('split over four partitions gives the same values and counts', async () => {
      topic = await createTestTopic(4);
      await topic.publish(records, (position) => position % 4);
      await start(topic.env);
      await allConsumed();
      await expectSampleAnswers(database.dataSource, { lateCounts: false });
      await expectBalancedLedger(database.dataSource);
    });

    it('survives kill -9 in the middle, again and again', async () => {
      topic = await createTestTopic(4);
      await topic.publish(records, (position) => position % 4);
      for (let done = 0; done < 3; done++) {
        const before = await consumed();
        const service = await start({ ...topic.env, FLUSH_MAX_EVENTS: '40' });
        await waitFor('some progress', async () => (await consumed()) > before + 500, 60_000);
        await service.kill();
      }
      expect(await consumed()).toBeLessThan(records.length);
      await start(topic.env);
      await allConsumed();
      await expectSampleAnswers(database.dataSource, { lateCounts: false });
      await expectBalancedLedger(database.dataSource);
    });
  });
});
