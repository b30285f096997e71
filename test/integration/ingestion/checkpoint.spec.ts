import { WatermarkService } from '../../../src/aggregation/watermark.service.js';
import { parseConfig } from '../../../src/config/config.js';
import {
  CheckpointRepository,
  type Acknowledgement,
  type HaltReason,
} from '../../../src/ingestion/checkpoint.repository.js';
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
    const [claim] = await checkpoints.claim(
      topic,
      'this replica',
      new Map([[0, { logId: 'this log', offset: 0n }]]),
    );
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

  describe('knows its log', () => {
    const stored = async (): Promise<unknown> => {
      const rows: unknown[] = await database.dataSource.query(
        `SELECT log_id, next_offset, first_offset, incarnation, halted_reason, newest_event_time FROM ingest_partitions`,
      );
      return rows[0];
    };
    const claimAt = async (logId: string, offset: bigint): Promise<string> => {
      const claims = await checkpoints.claim(topic, 'this replica', new Map([[0, { logId, offset }]]));
      epoch = claims[0]!.epoch;
      return claims[0]!.logId;
    };
    const halt = (reason: HaltReason): Promise<void> => checkpoints.halt(topic, 0, epoch, reason, '');
    const acknowledge = (logId: string, offset: bigint): Promise<Acknowledgement | null> =>
      checkpoints.acknowledge(topic, 0, { logId, offset });
    beforeEach(async () => {
      await flush(0n, 10n);
      await database.dataSource.query(`UPDATE ingest_partitions SET newest_event_time = '2025-11-08'`);
    });

    it('from its first claim on, whatever log is there at a later one', async () => {
      expect(await claimAt('another log', 3n)).toBe('this log');
      expect(await stored()).toMatchObject({ log_id: 'this log', next_offset: '10' });
    });

    it('from its next claim on when it is older than log ids', async () => {
      await database.dataSource.query(`UPDATE ingest_partitions SET log_id = NULL`);
      expect(await claimAt('the log there is', 3n)).toBe('the log there is');
      expect(await stored()).toMatchObject({ log_id: 'the log there is', next_offset: '10' });
      expect(await claimAt('another log', 3n)).toBe('the log there is');
    });

    const anew = { incarnation: 2, halted_reason: null, newest_event_time: null };
    it('and the one in its place once that is acknowledged, which begins anew', async () => {
      await halt('log_replaced');
      const done = { reason: 'log_replaced', from: '10', to: '3', incarnation: 2 };
      expect(await acknowledge('another log', 3n)).toEqual(done);
      const begun = { log_id: 'another log', next_offset: '3', first_offset: '3' };
      expect(await stored()).toEqual({ ...begun, ...anew });
      // Replaced once more before it is claimed: the claim tells.
      expect(await claimAt('a third log', 0n)).toBe('another log');
    });

    it('and begins anew also when it was halted for something else before it was replaced', async () => {
      await halt('log_truncated');
      expect(await acknowledge('another log', 3n)).toMatchObject({ to: '3', incarnation: 2 });
      expect(await stored()).toMatchObject({ log_id: 'another log', ...anew });
    });

    it('and goes on where it stopped when the log is back', async () => {
      await halt('log_replaced');
      expect(await acknowledge('this log', 3n)).toMatchObject({ from: '10', to: '10', incarnation: 1 });
      const kept = { log_id: 'this log', next_offset: '10', first_offset: '0', incarnation: 1 };
      expect(await stored()).toMatchObject({ ...kept, halted_reason: null });
    });

    it('which has lost its beginning, or its end', async () => {
      await halt('log_truncated');
      expect(await acknowledge('this log', 15n)).toMatchObject({ from: '10', to: '15', incarnation: 1 });
      await claimAt('this log', 15n);
      await halt('log_behind_checkpoint');
      expect(await acknowledge('this log', 3n)).toMatchObject({ from: '15', to: '3', incarnation: 2 });
      expect(await stored()).toMatchObject({ log_id: 'this log', first_offset: '3', ...anew });
    });
  });
});
