import type { DataSource } from 'typeorm';

/** An event that every rule accepts. */
export const GOOD_EVENT = {
  msisdn: '77011234567',
  region: 'Almaty',
  timestamp: '2025-11-08T22:31:12.5Z',
  event_type: 'balance_recharge',
  event_subtype: null,
  amount: 100.25,
};

/** Puts an anomaly there as a flush does. @returns its id */
export async function addAnomaly(
  database: Pick<DataSource, 'query'>,
  record: object | string | Buffer | null,
  {
    reason = 'invalid_amount',
    recordTimestamp = '2025-11-08T22:31:13Z',
    createdAt = '2025-11-08T22:31:14Z',
  } = {},
): Promise<string> {
  const raw =
    record === null || Buffer.isBuffer(record)
      ? record
      : Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
  const [row]: { id: string }[] = await database.query(
    `INSERT INTO anomalies (reason, detail, raw, event_data, topic, partition, incarnation, "offset", record_timestamp, created_at)
     VALUES ($1, 'made for a test', $2, $3::jsonb, 'telecom_events', 0, 1,
             (SELECT coalesce(max("offset") + 1, 0) FROM anomalies), $4, $5)
     RETURNING id`,
    [
      reason,
      raw,
      typeof record === 'object' && record && !Buffer.isBuffer(record) ? JSON.stringify(record) : null,
      recordTimestamp,
      createdAt,
    ],
  );
  return row!.id;
}

/** Window rows as `type key start: count (late) value`. */
export async function windowsOf(database: Pick<DataSource, 'query'>): Promise<string[]> {
  const rows: { line: string }[] = await database.query(
    `SELECT metric_type || ' ' || metric_key || ' ' || to_char(window_start, 'MM-DD HH24:MI') || ': ' || event_count
            || ' (' || late_events || ') ' || metric_value AS line
       FROM real_time_metrics ORDER BY metric_type, metric_key, window_start`,
  );
  return rows.map(({ line }) => line);
}
