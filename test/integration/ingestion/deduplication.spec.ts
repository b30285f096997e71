import { PrometheusService } from '../../../src/operations/prometheus.service.js';
import { LogApp, type TestRecord } from '../../support/log-app.js';
import { waitFor } from '../../support/service.js';

describe('repeats by producers', () => {
  const service = new LogApp();
  const { sql } = service;
  beforeEach(() => service.start());
  afterEach(() => service.stop());

  const at = (time: string): number => Date.parse(`2025-11-08T${time}Z`);
  const withId = (time: string, event_id: string): TestRecord => ({
    value: JSON.stringify({
      ...{ event_id, msisdn: '77011234567', region: 'Almaty', event_type: 'balance_recharge', amount: 1.25 },
      timestamp: `2025-11-08T${time}Z`,
    }),
    writtenAt: at(time),
  });
  const ledger = async (): Promise<{ counted: number; lateCounted: number; duplicates: number }> => {
    const [row] = await sql<Record<string, string>>(
      `SELECT counted, late_counted AS late, duplicates FROM ingest_partitions`,
    );
    return {
      counted: Number(row!.counted),
      lateCounted: Number(row!.late),
      duplicates: Number(row!.duplicates),
    };
  };
  const stored = async (): Promise<number> => (await sql(`SELECT FROM recent_event_ids`)).length;
  const expectTheTruth = async (): Promise<void> => {
    expect(await service.storedWindows()).toEqual(await service.expectedWindows());
  };

  it('count once, also when the service was restarted in between', async () => {
    await service.append([withId('22:00:00', 'a'), withId('22:00:01', 'b')]);
    await service.restart();
    await service.append([withId('22:00:00', 'a'), withId('22:00:02', 'c')]);
    await service.restart();
    await service.append([withId('22:00:01', 'b'), withId('22:00:02', 'c'), withId('22:00:03', 'd')]);
    expect(await ledger()).toEqual({ counted: 4, lateCounted: 0, duplicates: 3 });
    await expectTheTruth();
  });

  it('count again once event time has moved on, of which nothing is kept then', async () => {
    await service.append([withId('22:00:00', 'a')]);
    await service.append([withId('22:20:00', 'b')]);
    await service.append([withId('22:00:00', 'a')]);
    expect(await ledger()).toEqual({ counted: 2, lateCounted: 1, duplicates: 0 });
    expect(await stored()).toBe(2);
    await service.append([withId('23:00:00', 'c')]);
    expect(await stored()).toBe(1);
    await service.restart();
    await service.append([withId('23:00:00', 'c')]);
    expect(await ledger()).toMatchObject({ duplicates: 1 });
    await expectTheTruth();
  });

  it('are known by the checkpoint alone when a flush has failed', async () => {
    await service.append([withId('22:00:00', 'a')]);
    // The ids are in memory, and the transaction that has them fails.
    await sql(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$`,
    );
    await sql(`CREATE TRIGGER refuse BEFORE INSERT ON recent_event_ids EXECUTE FUNCTION refuse()`);
    const appended = service.append([
      withId('22:00:01', 'b'),
      withId('22:00:00', 'a'),
      withId('22:00:01', 'b'),
    ]);
    await waitFor('the partition to be claimed anew', async () => {
      const [row] = await sql<{ epoch: string }>(`SELECT epoch FROM ingest_partitions`);
      return Number(row!.epoch) > 1;
    });
    expect(await ledger()).toEqual({ counted: 1, lateCounted: 0, duplicates: 0 });
    await sql(`DROP TRIGGER refuse ON recent_event_ids`);
    await appended;
    expect(await ledger()).toEqual({ counted: 2, lateCounted: 0, duplicates: 2 });
    await expectTheTruth();
  });

  it('are none in another log that has taken the place of this one', async () => {
    await service.append([withId('22:00:00', 'a')]);
    await sql(`TRUNCATE event_log`);
    await sql(`UPDATE event_log_partitions SET next_offset = 0, low_offset = 0`);
    await service.restart();
    await waitFor('the partition to be halted', async () => {
      const [row] = await sql<{ halted: boolean }>(
        `SELECT halted_at IS NOT NULL AS halted FROM ingest_partitions`,
      );
      return row!.halted;
    });
    expect(await service.ask('POST', '/pipeline/partitions/0/acknowledge', {})).toMatchObject({
      status: 200,
    });
    await service.append([withId('22:00:00', 'a')]);
    expect(await ledger()).toEqual({ counted: 2, lateCounted: 0, duplicates: 0 });
  });

  it('count when DEDUPLICATION_WINDOW is 0, and by a window of its own', async () => {
    await service.restart({ DEDUPLICATION_WINDOW: '0' });
    await service.append([withId('22:00:00', 'a'), withId('22:00:00', 'a')]);
    expect(await ledger()).toMatchObject({ counted: 2, duplicates: 0 });
    expect(await stored()).toBe(0);
    await service.restart({ DEDUPLICATION_WINDOW: '30s' });
    await service.append([withId('22:00:00', 'b'), withId('22:00:30', 'b'), withId('22:01:01', 'b')]);
    expect(await ledger()).toMatchObject({ counted: 4, duplicates: 1 });
  });

  it('take 12 bytes an event in the database, and are no more than memory may hold', async () => {
    await service.restart({ DEDUPLICATION_MAX_IDS: '1000' });
    const many = (from: number): TestRecord[] =>
      Array.from({ length: 1000 }, (_, n) => ({
        ...withId('22:00:00', `id ${from + n}`),
        writtenAt: at('22:00:00'),
      }));
    await service.append(many(0));
    const bytes = async (): Promise<number> => {
      const [row] = await sql<{ bytes: string }>(
        `SELECT coalesce(sum(octet_length(ids)), 0) AS bytes FROM recent_event_ids`,
      );
      return Number(row!.bytes);
    };
    expect(await bytes()).toBe(12_000);
    await service.append(many(1000));
    expect(await bytes()).toBeLessThanOrEqual(24_000);
    await service.append(many(0));
    expect(await ledger()).toMatchObject({ counted: 3000, duplicates: 0 });
    expect(await bytes()).toBeLessThanOrEqual(24_000);
    const metrics = (await service.get(PrometheusService).scrape()).split('\n');
    expect(metrics).toContain('telecom_event_ids_forgotten_early_total 2000');
    await service.append(many(0));
    expect(await ledger()).toMatchObject({ counted: 3000, duplicates: 1000 });
  });
});
