import { randomInt, randomUUID } from 'node:crypto';
import { takeNextTexts } from '../dist/anomalies/anomaly-texts.service.js';

/** Rows of one statement. */
const AT_ONCE = 100_000;

/**
 * Anomalies of 90 days, 250 at a time as flushes store them: 13 reasons, from a third to a few in all; one in five of the
 * older half was replayed, 50 were discarded; one in fifty is in Cyrillic, one has it as \u escapes.
 */
export async function addAnomalies(database, total) {
  const connection = database.createQueryRunner();
  try {
    await connection.query(`SET synchronous_commit = off`);
    for (let from = 1; from <= total; from += AT_ONCE)
      await connection.query(INSERT, [from, Math.min(total, from + AT_ONCE - 1), total]);
    while (await takeNextTexts(connection));
    await connection.query('RESET synchronous_commit');
    await connection.query('VACUUM ANALYZE anomalies, anomaly_texts');
  } finally {
    await connection.release();
  }
}

const INSERT = `
  INSERT INTO anomalies (reason, detail, raw, event_data, topic, partition, incarnation, "offset", event_time, record_timestamp, status, created_at)
  SELECT reason,
         CASE reason
           WHEN 'malformed_json' THEN 'Unexpected end of JSON input'
           WHEN 'missing_msisdn' THEN (ARRAY['msisdn is absent', 'msisdn is empty', 'msisdn is null', 'msisdn is a number'])[n % 4 + 1]
           WHEN 'unknown_event_type' THEN (ARRAY['event_type is "mms"', 'event_type is absent', 'event_type is "CALL"'])[n % 3 + 1]
           WHEN 'invalid_duration' THEN 'duration_seconds is ' || -(n % 3600) || ', not a number from 0 to 1e9'
           WHEN 'too_late' THEN 'timestamp is ' || n % 90000 || ' s before the newest event'
           ELSE replace(reason, '_', ' ') END,
         convert_to(CASE reason WHEN 'malformed_json' THEN left(event, -20) ELSE event END, 'UTF8'),
         CASE reason WHEN 'malformed_json' THEN NULL ELSE event::jsonb END,
         'telecom_events', n % 8, 1, n,
         CASE WHEN reason IN ('malformed_json', 'invalid_timestamp') THEN NULL ELSE at - interval '3 seconds' END,
         at - interval '1 second',
         CASE WHEN n % 100003 = 0 THEN 'discarded' WHEN n < $3::bigint / 2 AND n % 5 = 0 THEN 'replayed' ELSE 'new' END, at
    FROM (
      SELECT n, at, reason,
             format('{"event_id": "%s", "msisdn": "7%s", "region": "%s", "cell_tower_id": %s, "timestamp": "%s", "event_type": "%s", "event_subtype": %s, "duration_seconds": %s}',
               gen_random_uuid(), lpad((n * 829348951 % 1000000000000)::text, 12, '0'),
               CASE n % 50 WHEN 0 THEN 'Алматы' WHEN 1 THEN 'K\\u0443stanai' ELSE (ARRAY['Almaty', 'Astana', 'Pavlodar', 'Taraz'])[n % 4 + 1] END,
               1000 + n * 31 % 9000, to_char(at - interval '3 seconds', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               (ARRAY['data_session', 'call', 'sms', 'balance_recharge'])[n % 4 + 1],
               CASE WHEN n % 4 IN (1, 2) THEN '"incoming"' ELSE 'null' END, n % 3600) AS event
        FROM (
          SELECT n, now() - ($3::bigint - n) / 250 * (interval '90 days' / greatest(1, $3::bigint / 250)) AS at,
                 CASE WHEN n % 250007 = 0 THEN 'oversized' WHEN r < 300 THEN 'invalid_duration' WHEN r < 500 THEN 'missing_msisdn'
                      WHEN r < 650 THEN 'too_late' WHEN r < 750 THEN 'malformed_json' WHEN r < 820 THEN 'unknown_event_type'
                      WHEN r < 880 THEN 'invalid_timestamp' WHEN r < 930 THEN 'invalid_data_volume' WHEN r < 960 THEN 'invalid_amount'
                      WHEN r < 980 THEN 'invalid_region' WHEN r < 990 THEN 'invalid_subtype' WHEN r < 999 THEN 'future_timestamp'
                      ELSE 'late_event' END AS reason
            FROM (SELECT n, n * 2654435761 % 4294967296 % 1000 AS r FROM generate_series($1::bigint, $2::bigint) AS n) AS numbered
        ) AS reasoned
    ) AS made`;

let offset = Date.now() * 1000;

/** Of some 250 bytes each, as a flush gets them. */
export const newAnomalies = (count) =>
  Array.from({ length: count }, (_, index) => {
    const json = JSON.stringify({
      event_id: randomUUID(),
      msisdn: `7${String(randomInt(1e12)).padStart(12, '0')}`,
      region: ['Almaty', 'Astana', 'Taraz'][index % 3],
      cell_tower_id: 1000 + (index % 9000),
      timestamp: new Date().toISOString(),
      event_type: 'call',
      event_subtype: 'incoming',
      duration_seconds: -(index % 3600),
    });
    return {
      reason: ['invalid_duration', 'missing_msisdn', 'too_late', 'invalid_amount'][index % 4],
      detail: `duration_seconds is -${index % 3600}, not a number from 0 to 1e9`,
      raw: Buffer.from(json),
      eventData: json,
      topic: 'telecom_events',
      partition: index % 8,
      incarnation: 1,
      offset: String(offset++),
      eventTime: Date.now() * 1000,
      recordTimestamp: Date.now(),
    };
  });
