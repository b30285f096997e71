import {
  batchRun,
  batchRunPage,
  type BatchRun,
  type BatchSchedule,
} from '../../src/daily-stats/batch/batch.schemas.js';
import type { Answer } from './http-app.js';
import { HttpService } from './http-service.js';

export interface BatchRunPage {
  items: BatchRun[];
  nextCursor: string | null;
}

/** The clock of the batch stands still here: today is a Monday, yesterday is due and would be missing. */
export const NOW = '2025-11-10T12:00:00Z';
export const [TODAY, YESTERDAY, TOMORROW] = ['2025-11-10', '2025-11-09', '2025-11-11'];

export const NO_DAYS = [
  '2025-02-29',
  '2025-02-30',
  '2025-13-01',
  '0000-01-01',
  '2025-11-8',
  '2025-11-08T00:00:00Z',
  'yesterday',
  'x',
  '',
];

/** The answer is a 400 that names exactly these fields, in any order. */
export function expectMistakes(answer: Answer, ...fields: string[]): void {
  expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
  const problem: { code: string; errors: { field: string; message: string }[] } = answer.body;
  expect(problem.code).toBe('invalid_request');
  expect(problem.errors.map(({ field }) => field).sort()).toEqual(fields.sort());
  for (const { message } of problem.errors) expect(message).toMatch(/\w/);
}

/** The batch of a service, by its REST API. */
export class BatchApi extends HttpService {
  constructor() {
    super(NOW);
  }

  /** One service for all tests of a suite, paused; each finds it empty. */
  forAllTests(): this {
    beforeAll(() => this.start(), 30_000);
    beforeEach(async () => {
      for (const table of [
        'batch_runs',
        'stat_days',
        'daily_stats',
        'real_time_metrics',
        'anomalies',
        'ingest_partitions',
      ])
        await this.sql(`DELETE FROM ${table}`);
    });
    afterAll(() => this.stop());
    return this;
  }

  /** Puts a window there, and notes the change of its day as a flush does. */
  readonly window = async (
    type: string,
    key: string,
    start: string,
    count: number,
    micros = 0,
  ): Promise<void> => {
    await this.sql(
      `INSERT INTO real_time_metrics (metric_type, metric_key, window_start, window_end, event_count, sum_micros, metric_value)
       VALUES ($1, $2, $3, $3::timestamptz + interval '5 min', $4, $5, 0)`,
      [type, key, start, count, micros],
    );
    await this.changed(start.slice(0, 10));
  };

  readonly changed = (day: string) =>
    this.sql(
      `INSERT INTO stat_days AS stored (stat_date) VALUES ($1)
       ON CONFLICT (stat_date) DO UPDATE SET version = stored.version + 1,
         stale_since = CASE WHEN stored.built_version IS NOT NULL THEN now() END`,
      [day],
    );

  /** One partition that is not idle, so that its event time is the pipeline's; the watermark is one minute behind. */
  readonly newestEvent = async (time: string | null): Promise<void> => {
    await this.sql('DELETE FROM ingest_partitions');
    await this.sql(
      `INSERT INTO ingest_partitions (topic, partition, next_offset, newest_event_time, seen_at) VALUES ('telecom_events', 0, 0, $1, now())`,
      [time],
    );
  };

  /** A run as it would stand there. @returns its id */
  readonly seedRun = async (day: string, columns: Record<string, unknown> = {}): Promise<string> => {
    const row = { stat_date: day, trigger: 'catch_up', ...columns };
    const names = Object.keys(row);
    const [run] = await this.sql<{ id: string }>(
      `INSERT INTO batch_runs (${names.join()}) VALUES (${names.map((_, index) => `$${index + 1}`).join()}) RETURNING id`,
      Object.values(row),
    );
    return run!.id;
  };

  readonly get = async <T>(path: string): Promise<T> => {
    const answer = await this.http.get(path);
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    return answer.body;
  };

  readonly runs = async (query = ''): Promise<BatchRunPage> =>
    batchRunPage.parse(await this.get<BatchRunPage>(`/batch/runs?${query}`));
  readonly schedule = () => this.get<BatchSchedule>('/batch/schedule');
  readonly stats = async (day: string): Promise<string[]> =>
    (await this.get<{ items: Record<string, unknown>[] }>(`/daily-stats?date=${day}`)).items.map(
      ({ metricType, metricKey, metricValue }) => [metricType, metricKey, metricValue].join(' '),
    );

  readonly run = async (body?: unknown, query = ''): Promise<BatchRun> => {
    const answer = await this.post(`/batch/run${query}`, body);
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    return batchRun.parse(answer.body);
  };
}
