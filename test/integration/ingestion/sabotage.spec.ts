import type { PipelineStatus } from '../../../src/operations/pipeline.schemas.js';
import type { ReplayDetail } from '../../../src/replays/replays.schemas.js';
import { LogApp, type TestRecord } from '../../support/log-app.js';
import { waitFor } from '../../support/service.js';

const NOON = Date.parse('2025-11-08T12:00:00Z');
/** An event a minute, for half an hour; the tenth is none. */
const RECORDS = Array.from({ length: 30 }, (_, minute): TestRecord => {
  const writtenAt = NOON + minute * 60_000;
  const event = {
    msisdn: '77011234567',
    region: 'Almaty',
    event_type: 'balance_recharge',
    amount: 1.25,
    timestamp: new Date(writtenAt).toISOString(),
  };
  return { value: minute === 9 ? '{' : JSON.stringify(event), writtenAt };
});

describe('a sabotaged pipeline', () => {
  const service = new LogApp();
  afterEach(() => service.stop());

  it.each([
    ['drop', 26],
    ['double', 32],
  ])(
    'that is told to %s windows shows in the windows alone, and a replay of the log mends it',
    async (fault, counted) => {
      await service.start({ NODE_ENV: 'test', TEST_SABOTAGE: `${fault}:8` });
      await service.append(RECORDS);

      const { partitions } = (await service.ask('GET', '/pipeline')).body as PipelineStatus;
      expect(partitions).toMatchObject([
        { balanced: true, ledger: { consumed: 30, counted: 29, lateCounted: 0, anomalies: 1 } },
      ]);
      expect(await service.sql(`SELECT "offset" FROM anomalies`)).toEqual([{ offset: '9' }]);
      const [sums] = await service.sql<{ counted: number }>(
        `SELECT sum(event_count)::integer AS counted FROM real_time_metrics WHERE metric_type = 'region_agg'`,
      );
      expect(sums).toEqual({ counted });
      expect(await service.storedWindows()).not.toEqual(await service.expectedWindows());

      const range = { from: '2025-11-08T12:00:00Z', to: '2025-11-08T12:30:00Z' };
      const { id } = (await service.ask('POST', '/replays', { source: 'log', ...range }))
        .body as ReplayDetail;
      await waitFor('the replay to succeed', async () => {
        const { status } = (await service.ask('GET', `/replays/${id}`)).body as ReplayDetail;
        return status === 'succeeded';
      });
      expect(await service.storedWindows()).toEqual(await service.expectedWindows());
    },
  );
});
