import { readFileSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import type { Expected, Verification } from '../../src/simulator/answer-key.schemas.js';
import type { Run } from '../../src/simulator/simulator.schemas.js';
import { waitFor, type Service } from './service.js';

/** A run of 60,000 events in some seconds, with every kind of fault. */
export const EVERY_FAULT = {
  ...(JSON.parse(readFileSync('test/fixtures/every-fault.json', 'utf8')) as object),
  eventsPerSecond: 15_000,
  totalEvents: 60_000,
};

export const startRun = (service: Service, parameters: object = {}): Promise<Run> =>
  service.post<Run>('/simulator/start', { ...EVERY_FAULT, ...parameters });

/** Waits for the end of a run, also while the service cannot answer. */
export const ended = (service: Service, id: string): Promise<Run> =>
  waitFor(
    `the end of run ${id}`,
    async () => {
      const run = await service.get<Run>(`/simulator/runs/${id}`).catch(() => null);
      return run && run.status !== 'running' && run.status !== 'paused' ? run : null;
    },
    120_000,
  );

export const verify = (service: Service, id: string): Promise<Verification> =>
  service.post<Verification>(`/simulator/runs/${id}/verify`);

/** @param events that the run must have sent */
export async function expectVerified(
  service: Service,
  id: string,
  events = EVERY_FAULT.totalEvents,
): Promise<void> {
  expect(await ended(service, id)).toMatchObject({ status: 'finished', sent: events });
  expect(await verify(service, id)).toMatchObject({
    matches: true,
    differences: [],
    moreDifferences: false,
    sent: events,
    windowsDiffering: 0,
  });
}

/** All windows there are, in the form and order in which the answer key has them. */
export async function windowsIn(database: DataSource): Promise<Expected['windows']> {
  const rows: {
    metric_type: string;
    metric_key: string;
    window_start: Date;
    event_count: string;
    late_events: string;
    sum_micros: string;
    metric_value: number;
  }[] = await database.query(
    `SELECT * FROM real_time_metrics ORDER BY window_start, metric_type, metric_key`,
  );
  return rows.map((row) => ({
    metricType: row.metric_type,
    metricKey: row.metric_key,
    windowStart: row.window_start.toISOString().replace('.000Z', 'Z'),
    eventCount: Number(row.event_count),
    lateEvents: Number(row.late_events),
    sumMicros: row.sum_micros,
    metricValue: expect.closeTo(row.metric_value, 6) as number,
  }));
}
