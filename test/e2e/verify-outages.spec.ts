import pg from 'pg';
import { KafkaBroker } from '../../scripts/kafka/broker.mjs';
import { long } from '../support/long.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { EVERY_FAULT, expectVerified, startRun } from '../support/runs.js';
import { expectBalancedLedger } from '../support/sample.js';
import { waitFor } from '../support/service.js';
import { servicesPerTest } from '../support/services.js';

const services = servicesPerTest();
const { consumed, database } = services;

const underWay = (): Promise<boolean> =>
  waitFor('the run to be under way', async () => (await consumed()) > EVERY_FAULT.totalEvents / 5);

(hasKafka ? describe : describe.skip)('a run during which Kafka is away', () => {
  let broker: KafkaBroker;
  let topic: TestTopic;

  beforeEach(async () => {
    broker = await KafkaBroker.start({ fastStart: true });
    topic = await createTestTopic(4, { brokers: broker.bootstrapServers });
  });
  afterEach(async () => {
    broker.resume();
    await topic.close();
    await broker.stop();
  });

  it('goes on, and loses and doubles nothing, when the broker is killed and started again', async () => {
    const service = await services.start(topic.env);
    const { id } = await startRun(service);
    await underWay();
    await broker.kill();
    await waitFor(
      'the run to notice',
      () => service.output().includes(`Simulator run ${id} waits for the log`),
      60_000,
    );
    await broker.restart();
    await expectVerified(service, id);
    await expectBalancedLedger(database.dataSource);
  });

  // It takes as long as a request waits, 30 s: only with npm run test:long.
  long(
    'goes on, and loses and doubles nothing, when the broker stands still for longer than requests wait',
    async () => {
      const service = await services.start(topic.env);
      const { id } = await startRun(service);
      await underWay();
      broker.pause();
      await waitFor(
        'the run to notice',
        () => service.output().includes(`Simulator run ${id} waits for the log`),
        90_000,
      );
      broker.resume();
      await expectVerified(service, id);
      await expectBalancedLedger(database.dataSource);
    },
  );
});

describe('a run on the embedded log during which PostgreSQL is away', () => {
  let administrator: pg.Client;

  beforeEach(async () => {
    administrator = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
    await administrator.connect();
  });
  afterEach(() => administrator.end());

  const name = (): string => new URL(database.url).pathname.slice(1);
  /** Ends the service's connections, in whatever they are doing. */
  const cutConnections = () =>
    administrator.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> ALL($2)`,
      [name(), ownPids],
    );
  let ownPids: number[] = [];
  const keepOwn = async (): Promise<void> => {
    const own: { pid: number }[] = await database.dataSource.query(
      `SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
    );
    ownPids = own.map(({ pid }) => pid);
  };

  it('goes on where it stopped', async () => {
    const service = await services.start();
    const { id } = await startRun(service);
    await underWay();
    await database.dataSource.destroy();
    await administrator.query(`ALTER DATABASE ${name()} ALLOW_CONNECTIONS false`);
    ownPids = [];
    await cutConnections();
    await waitFor('the run to notice', () =>
      service.output().includes(`Simulator run ${id} waits for the log`),
    );
    await administrator.query(`ALTER DATABASE ${name()} ALLOW_CONNECTIONS true`);
    await database.dataSource.initialize();
    await expectVerified(service, id);
    await expectBalancedLedger(database.dataSource);
  });

  long('again and again, in the middle of appends and flushes, loses and doubles nothing', async () => {
    const service = await services.start();
    const { id } = await startRun(service);
    await keepOwn();
    for (let cuts = 1; cuts <= 6; cuts++) {
      await waitFor('some progress', async () => (await consumed()) > cuts * 8000, 60_000);
      await cutConnections();
    }
    await expectVerified(service, id);
    await expectBalancedLedger(database.dataSource);
  });
});
