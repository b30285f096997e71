import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ledger } from '../support/sample.js';
import { startService, waitFor, type Service } from '../support/service.js';

interface Pipeline {
  partitions: {
    recentEvents: { events: number; invalid: number; leadingReason: string | null; alert: boolean } | null;
  }[];
}

describe('a bad producer', () => {
  let database: TestDatabase;
  let service: Service;

  beforeEach(async () => {
    consumed = 0;
    database = await createTestDatabase();
    service = await startService({ DATABASE_URL: database.url });
  });
  afterEach(async () => {
    await service.kill();
    await database.drop();
  });

  let consumed: number;
  const send = async (valid: number, broken: object[]): Promise<void> => {
    const good = {
      msisdn: '77011234567',
      region: 'Almaty',
      timestamp: new Date().toISOString(),
      event_type: 'sms',
    };
    const events = [
      ...Array.from({ length: valid }, () => good),
      ...broken.map((fault) => ({ ...good, ...fault })),
    ];
    for (let at = 0; at < events.length; at += 1000)
      await service.post('/events', events.slice(at, at + 1000));
    consumed += events.length;
    await waitFor(
      'all to be taken in',
      async () => (await ledger(database.dataSource)).consumed === consumed,
    );
  };
  const recent = async () => (await service.get<Pipeline>('/pipeline')).partitions[0]?.recentEvents;
  const metrics = async (): Promise<string> => (await fetch(`${service.url}/prometheus`)).text();
  const many = (count: number, fault: object): object[] => Array<object>(count).fill(fault);
  const logged = (pattern: RegExp): number => service.output().match(new RegExp(pattern, 'g'))?.length ?? 0;

  it('is called out with the leading reason, once, while ingestion goes on, and until it is well again', async () => {
    await send(800, many(200, { msisdn: '' }));
    await waitFor('the first report', async () => (await recent())?.events === 1000);
    expect(await recent()).toMatchObject({ invalid: 200, alert: false });
    expect(logged(/\[Fuse\]/)).toBe(0);

    await send(0, [...many(40, { amount: 'x' }), ...many(10, { msisdn: null })]);
    await waitFor('the alert', async () => (await recent())?.alert);
    expect(await recent()).toMatchObject({ events: 1050, invalid: 250, leadingReason: 'missing_msisdn' });
    expect(await metrics()).toMatch(/^telecom_anomaly_alert\{[^}]*reason="missing_msisdn"[^}]*\} 1$/m);
    await send(100, []);
    expect(logged(/\[Fuse\].*24 % of its last 1050 events are invalid, most of them missing_msisdn/)).toBe(1);

    await send(10_000, []);
    await waitFor('it to be well again', async () => (await recent())?.alert === false);
    expect(await recent()).toMatchObject({ events: 10_000, invalid: 0, leadingReason: null });
    expect(await metrics()).not.toMatch(/^telecom_anomaly_alert\{/m);
    expect(logged(/\[Fuse\]/)).toBe(2);
  });
});
