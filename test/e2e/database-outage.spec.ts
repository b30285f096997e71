import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { expectBalancedLedger, expectSampleAnswers, ledger, sampleRecords } from '../support/sample.js';
import { startService, waitFor, type Service } from '../support/service.js';

const suite = hasKafka ? describe : describe.skip;

suite('when PostgreSQL is away', () => {
  let database: TestDatabase;
  let administrator: pg.Client;
  let topic: TestTopic;
  let service: Service | undefined;

  beforeEach(async () => {
    database = await createTestDatabase();
    administrator = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
    await administrator.connect();
    topic = await createTestTopic(1);
  });
  afterEach(async () => {
    await service?.kill();
    service = undefined;
    await topic.close();
    await allowConnections(true);
    await administrator.end();
    await database.drop();
  });

  const name = (): string => new URL(database.url).pathname.slice(1);
  const allowConnections = (allowed: boolean) =>
    administrator.query(`ALTER DATABASE ${name()} ALLOW_CONNECTIONS ${allowed}`);
  /** Ends the service's connections, in whatever they are doing. */
  const cutConnections = () =>
    administrator.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'telecom-data-pipeline' AND pid <> ALL($2)`,
      [name(), ownPids],
    );
  let ownPids: number[] = [];
  const readiness = async (): Promise<number> => (await fetch(`${service!.url}/health/ready`)).status;
  const consumed = async (): Promise<number> => (await ledger(database.dataSource)).consumed!;

  it('is up and not ready, takes nothing in, and goes on exactly where it stopped', async () => {
    await topic.publish(sampleRecords().slice(0, 6_000));
    service = await startService({ DATABASE_URL: database.url, ...topic.env });
    await waitFor('the first half', async () => (await consumed()) === 6_000);

    await database.dataSource.destroy();
    await allowConnections(false);
    ownPids = [];
    await cutConnections();
    await topic.publish(sampleRecords().slice(6_000));
    await waitFor('the service to be not ready', async () => (await readiness()) === 503);
    const refused = await fetch(`${service.url}/metrics`);
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      503,
      'database_unavailable',
    ]);
    expect((await fetch(`${service.url}/prometheus`)).status).toBe(200);

    await allowConnections(true);
    await database.dataSource.initialize();
    await waitFor('the second half', async () => (await consumed()) === 12_000, 60_000);
    await waitFor('the service to be ready', async () => (await readiness()) === 200);
    await expectSampleAnswers(database.dataSource);
    await expectBalancedLedger(database.dataSource);
  });

  it('stops in order all the same, though what it has read waits for the database', async () => {
    await topic.publish(sampleRecords().slice(0, 1_000));
    // Memory is full before the batch is done, which comes again, half a second after the flush has failed.
    const env = { FLUSH_MAX_EVENTS: '100', LOG_LEVEL: 'debug' };
    service = await startService({ DATABASE_URL: database.url, ...topic.env, ...env });
    await waitFor('all events', async () => (await consumed()) === 1_000);
    await database.dataSource.destroy();
    await allowConnections(false);
    ownPids = [];
    await cutConnections();
    await topic.publish(sampleRecords().slice(1_000, 2_000));
    const tries = (): number => service!.output().split('cannot be claimed yet').length - 1;
    await waitFor('claims to be tried for more than a second', () => tries() > 3);
    await service.stop();
    expect(service.output()).not.toMatch(/Not stopped within/);
    await allowConnections(true);
    await database.dataSource.initialize();
  });

  it('again and again in the middle of flushes, nothing is lost or doubled', async () => {
    await topic.publish(sampleRecords());
    service = await startService({ DATABASE_URL: database.url, ...topic.env, FLUSH_MAX_EVENTS: '20' });
    const own: { pid: number }[] = await database.dataSource.query(
      `SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
    );
    ownPids = own.map(({ pid }) => pid);
    let cuts = 0;
    while ((await consumed()) < 12_000 && cuts < 200) {
      const before = await consumed();
      await waitFor('some progress', async () => (await consumed()) > Math.min(before + 300, 11_999), 60_000);
      await cutConnections();
      cuts++;
    }
    expect(cuts).toBeGreaterThan(5);
    await waitFor('all events', async () => (await consumed()) === 12_000, 60_000);
    await expectSampleAnswers(database.dataSource);
    await expectBalancedLedger(database.dataSource);
    expect(service.output()).toMatch(/The flush failed, its events will be read again/);
  });
});
