import { WatermarkService } from '../../../src/aggregation/watermark.service.js';
import { parseConfig } from '../../../src/config/config.js';
import { CheckpointRepository } from '../../../src/ingestion/checkpoint.repository.js';
import { RecentIdsRepository } from '../../../src/ingestion/recent-ids.repository.js';
import { PartitionDelta } from '../../../src/ingestion/core/partition-delta.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

describe('a partition', () => {
  const config = parseConfig({ IDLE_TIMEOUT: '60s' });
  const topic = 'event_log';
  let database: TestDatabase;
  let checkpoints: CheckpointRepository;
  let epoch: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    checkpoints = new CheckpointRepository(database.dataSource, new RecentIdsRepository(database.dataSource));
    const [claim] = await checkpoints.claim(topic, 'this replica', new Map([[0, 0n]]));
    epoch = claim!.epoch;
  });
  afterEach(() => database.drop());

  /** What its owner says of its log, every two seconds. */
  const report = async (highWatermark: bigint): Promise<void> => {
    const owned = await checkpoints.report(topic, [
      { partition: 0, epoch, highWatermark, eventsPerSecond: 0, outcomes: null },
    ]);
    expect(owned).toEqual([0]);
  };
  const flush = async (from: bigint, to: bigint): Promise<void> => {
    const delta = Object.assign(new PartitionDelta(from, null), { to });
    const moved = await checkpoints.advance(
      database.dataSource.manager,
      [{ topic, partition: 0, epoch, delta }],
      1,
    );
    expect(moved).toEqual([0]);
  };
  const aMinutePasses = (): Promise<unknown> =>
    database.dataSource.query(
      `UPDATE ingest_partitions SET caught_up_since = caught_up_since - interval '61 seconds'`,
    );
  /** An idle partition does not hold the pipeline watermark. */
  const isIdle = async (): Promise<boolean> =>
    (await new WatermarkService(database.dataSource, config).current()).heldBy === null;

  //   caught up ──── 61 s ──── idle ── a record ── caught up again ──── 61 s ──── idle
  it('is idle after IDLE_TIMEOUT without traffic, counted anew from each flush', async () => {
    await report(0n);
    expect(await isIdle()).toBe(false);
    await aMinutePasses();
    await report(0n);
    expect(await isIdle()).toBe(true);

    await flush(0n, 1n);
    expect(await isIdle()).toBe(false);
    await report(1n); // it was behind its log for a moment only, between two reports
    expect(await isIdle()).toBe(false);
    await aMinutePasses();
    await report(1n);
    expect(await isIdle()).toBe(true);
  });

  it('is not idle while it lags, however long', async () => {
    await report(0n);
    await aMinutePasses();
    await report(5n);
    expect(await isIdle()).toBe(false);
    await aMinutePasses();
    await report(5n);
    expect(await isIdle()).toBe(false);
  });
});
