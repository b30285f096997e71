import type { Difference, Expected } from '../../src/simulator/answer-key.schemas.js';
import { createTestTopic, hasKafka, type TestTopic } from '../support/kafka.js';
import { isLong, long } from '../support/long.js';
import { EVERY_FAULT, ended, expectVerified, startRun, verify, windowsIn } from '../support/runs.js';
import { anomaliesByReason, expectBalancedLedger, ledger } from '../support/sample.js';
import { waitFor, type Service } from '../support/service.js';
import { servicesPerTest } from '../support/services.js';

const services = servicesPerTest();
const { consumed, database } = services;

/** All that the answer key says of the only run there was, beside what the database holds. */
async function expectAnswerInDatabase(service: Service, id: string): Promise<Expected> {
  const expected = await service.get<Expected>(`/simulator/runs/${id}/expected`);
  expect(expected.windows).toEqual(await windowsIn(database.dataSource));
  expect(expected.anomalies).toEqual(await anomaliesByReason(database.dataSource));
  expect(await ledger(database.dataSource)).toMatchObject({
    consumed: expected.sent,
    counted: expected.counted,
    late_counted: expected.lateCounted,
    duplicates: expected.duplicates,
    skipped: 0,
  });
  await expectBalancedLedger(database.dataSource);
  return expected;
}

(hasKafka ? describe : describe.skip)('a run with every fault, through Kafka and two replicas', () => {
  let topic: TestTopic;
  let simulating: Service;
  let other: Service;

  beforeEach(async () => {
    topic = await createTestTopic(4);
    simulating = await services.start(topic.env);
    other = await services.start(topic.env);
    await waitFor('both replicas to own partitions', async () => (await owners()) === 2, 60_000);
  });
  afterEach(() => topic.close());

  const owners = async (): Promise<number> => {
    const [row]: { owners: string }[] = await database.dataSource.query(
      `SELECT count(DISTINCT owner) AS owners FROM ingest_partitions`,
    );
    return Number(row!.owners);
  };
  const underWay = (): Promise<boolean> =>
    waitFor('the run to be under way', async () => (await consumed()) > EVERY_FAULT.totalEvents / 5);

  it('is in the database as its answer key says, whichever replica is asked', async () => {
    const { id } = await startRun(simulating);
    await expect(verify(other, id)).rejects.toThrow(/answered 409: .*simulator_running/);
    await expectVerified(simulating, id);
    await expectVerified(other, id);
    const expected = await expectAnswerInDatabase(simulating, id);
    expect(await other.get(`/simulator/runs/${id}/expected`)).toEqual(expected);
    // Nothing was left out by chance.
    expect(Object.keys(expected.anomalies).length).toBeGreaterThanOrEqual(10);
    expect(expected.lateCounted).toBeGreaterThan(1000);
    expect(expected.duplicates).toBeGreaterThan(1000);
    expect(expected.partitions.every(({ sent }) => sent > 1000)).toBe(true);

    // What was there before does not count.
    const next = await startRun(other, { totalEvents: 20_000, seed: 11 });
    await expectVerified(simulating, next.id, 20_000);
    await expect(verify(other, id)).rejects.toThrow(/answered 409: .*run_not_verifiable/);
  });

  long('comes out right when the replica that does not simulate is killed with -9', async () => {
    const { id } = await startRun(simulating);
    await underWay();
    await other.kill();
    await expectVerified(simulating, id);
    await expectAnswerInDatabase(simulating, id);
  });

  it('can be verified as far as it came when the one that simulates is killed with -9, and so can a new one', async () => {
    const { id } = await startRun(simulating);
    await underWay();
    await simulating.kill();
    expect(await ended(other, id)).toMatchObject({ status: 'interrupted' });
    expect(await verify(other, id)).toMatchObject({ matches: true, sent: await published() });
    await expectAnswerInDatabase(other, id);

    const next = await startRun(other, { totalEvents: 20_000 });
    await expectVerified(other, next.id, 20_000);
    await expectBalancedLedger(database.dataSource);
  });

  async function published(): Promise<number> {
    const admin = topic.kafka.admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(topic.topic);
    await admin.disconnect();
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  }
});

describe('a run with every fault, through the embedded log', () => {
  const rules: { named: string; env: Record<string, string>; reason: string | null }[] = [
    { named: 'default rules', env: {}, reason: null },
    { named: 'LATE_EVENTS=divert', env: { LATE_EVENTS: 'divert' }, reason: 'late_event' },
    ...(isLong ? [{ named: 'a small MAX_LATENESS', env: { MAX_LATENESS: '30m' }, reason: 'too_late' }] : []),
  ];

  it.each(rules)('is in the database as its answer key says, by $named', async ({ env, reason }) => {
    const service = await services.start(env);
    const { id } = await startRun(service);
    await expectVerified(service, id);
    const expected = await expectAnswerInDatabase(service, id);
    if (reason === null) expect(expected.lateCounted).toBeGreaterThan(1000);
    else expect(expected.anomalies[reason]).toBeGreaterThan(1000);
  });

  it('comes out right when the process that reads the log is killed with -9', async () => {
    const reading = await services.start();
    const simulating = await services.start({}, 'connected');
    await waitFor('the second one to stand by', () =>
      simulating.output().includes('another process reads the embedded log'),
    );
    const { id } = await startRun(simulating);
    await waitFor('the run to be under way', async () => (await consumed()) > EVERY_FAULT.totalEvents / 5);
    await reading.kill();
    await expectVerified(simulating, id);
    await expectAnswerInDatabase(simulating, id);
  });

  const sabotages = [
    { fault: 'drop', factor: -1 },
    { fault: 'double', factor: 1 },
  ];
  it.each(sabotages)('is found out by verify when $fault:10000 is done to it', async ({ fault, factor }) => {
    const service = await services.start({ NODE_ENV: 'test', TEST_SABOTAGE: `${fault}:10000` });
    const { id } = await startRun(service);
    expect(await ended(service, id)).toMatchObject({ status: 'finished' });
    const found = await verify(service, id);
    const { counted, lateCounted } = await service.get<Expected>(`/simulator/runs/${id}/expected`);
    const hit = Math.floor((counted + lateCounted) / 10_000);
    expect(hit).toBe(5);
    expect(found).toMatchObject({ matches: false, moreDifferences: false });
    expect(found.differences.every((difference) => difference.in === 'window')).toBe(true);
    for (const metricType of ['event_type_agg', 'region_agg'])
      expect(gainOf(found.differences, metricType)).toBe(factor * hit);
    // Neither the ledger nor the anomalies tell.
    await expectBalancedLedger(database.dataSource);
  });

  /** By how many events the windows of a type have too many. */
  const gainOf = (differences: readonly Difference[], metricType: string): number =>
    differences
      .filter((each) => each.metricType === metricType && each.field === 'eventCount')
      .reduce((sum, { expected, actual }) => sum + Number(actual) - Number(expected), 0);
});
