import { readFileSync } from 'node:fs';
import type { DataSource } from 'typeorm';

const folder = 'test/fixtures/sample';

/** The sample's records, in log order; an empty line is an empty record. */
export function sampleRecords(): Buffer[] {
  const lines = readFileSync(`${folder}/events.ndjson`, 'utf8').split('\n');
  lines.pop(); // the text ends with a line break
  return lines.map((line) => Buffer.from(line));
}

/** One row of `real_time_metrics`, with the late count left out where it may differ. */
interface MetricRow {
  metric: string;
  value: number;
  count: number;
  late: number;
}

function csv(file: string): Record<string, string>[] {
  const [header, ...lines] = readFileSync(`${folder}/${file}`, 'utf8').trim().split('\n');
  const names = header!.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i]!, value])));
}

const expectedMetrics = (): MetricRow[] =>
  csv('expected-metrics.csv').map((row) => ({
    metric: `${row.metric_type} ${row.metric_key} ${new Date(row.window_start!).toISOString()} ${new Date(row.window_end!).toISOString()}`,
    value: Number(row.metric_value),
    count: Number(row.event_count),
    late: Number(row.late_events),
  }));

export const expectedAnomalies = (): Record<string, number> =>
  Object.fromEntries(csv('expected-anomalies.csv').map((row) => [row.reason!, Number(row.count)]));

/** Compares the database with the sample's independently worked-out answers: sums to 1e-6, everything else exactly. */
export async function expectSampleAnswers(database: DataSource, { lateCounts = true } = {}): Promise<void> {
  const rows: {
    metric_type: string;
    metric_key: string;
    window_start: Date;
    window_end: Date;
    metric_value: number;
    event_count: string;
    late_events: string;
  }[] = await database.query(`SELECT * FROM real_time_metrics`);
  const actual = rows.map((row) => ({
    metric: `${row.metric_type} ${row.metric_key} ${row.window_start.toISOString()} ${row.window_end.toISOString()}`,
    value: row.metric_value,
    count: Number(row.event_count),
    late: Number(row.late_events),
  }));
  const comparable = (all: MetricRow[]) =>
    all
      .map(({ metric, count, late }) => (lateCounts ? { metric, count, late } : { metric, count }))
      .sort((a, b) => (a.metric < b.metric ? -1 : 1));
  expect(comparable(actual)).toEqual(comparable(expectedMetrics()));
  const values = new Map(actual.map(({ metric, value }) => [metric, value]));
  for (const { metric, value } of expectedMetrics())
    expect(Math.abs(values.get(metric)! - value)).toBeLessThan(1e-6);
  expect(await anomaliesByReason(database)).toEqual(expectedAnomalies());
}

export async function anomaliesByReason(database: DataSource): Promise<Record<string, number>> {
  const rows: { reason: string; count: string }[] = await database.query(
    `SELECT reason, count(*) FROM anomalies GROUP BY reason`,
  );
  return Object.fromEntries(rows.map(({ reason, count }) => [reason, Number(count)]));
}

/** The sum of a ledger column over all partitions. */
export async function ledger(database: DataSource): Promise<Record<string, number>> {
  const [row]: Record<string, string>[] = await database.query(
    `SELECT coalesce(sum(consumed), 0) AS consumed, coalesce(sum(counted), 0) AS counted, coalesce(sum(late_counted), 0) AS late_counted,
            coalesce(sum(anomalies), 0) AS anomalies, coalesce(sum(duplicates), 0) AS duplicates, coalesce(sum(skipped), 0) AS skipped
       FROM ingest_partitions`,
  );
  return Object.fromEntries(Object.entries(row!).map(([name, value]) => [name, Number(value)]));
}

/** The ledger identity, for every partition. */
export async function expectBalancedLedger(database: DataSource): Promise<void> {
  const unbalanced: unknown[] = await database.query(
    `SELECT * FROM ingest_partitions WHERE consumed <> counted + late_counted + anomalies + duplicates + skipped`,
  );
  expect(unbalanced).toEqual([]);
}

/** The worked-out stats of a day by type and key, in that order. */
export const expectedDailyStats = (day: string): Record<string, number> =>
  Object.fromEntries(
    csv('expected-daily-stats.csv')
      .filter((row) => row.stat_date === day)
      .map((row) => [`${row.metric_type} ${row.metric_key}`, Number(row.metric_value)]),
  );
