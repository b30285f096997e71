import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { timestampLiteral } from '../database/instant.js';
import type { NewAnomaly } from './core/anomaly.js';

/** The write side of `anomalies`. */
@Injectable()
export class AnomaliesRepository {
  /**
   * Stores anomalies; one whose place in the log is there already stays as it is.
   * @param table another one that has the columns of `anomalies`
   * @returns the UTC days that the stored ones belong to, `YYYY-MM-DD`
   */
  async insert(
    transaction: EntityManager,
    anomalies: readonly NewAnomaly[],
    table = 'anomalies',
  ): Promise<string[]> {
    if (anomalies.length === 0) return [];
    const days: { day: string }[] = await transaction.query(
      `WITH inserted AS (
       INSERT INTO ${table}
         (reason, detail, raw, event_data, topic, partition, incarnation, "offset", event_time, record_timestamp)
       SELECT reason, detail, raw, event_data::jsonb, topic, partition, incarnation, "offset", event_time, record_timestamp
         FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::integer[], $7::integer[],
                     $8::bigint[], $9::timestamptz[], $10::timestamptz[])
              AS anomaly(reason, detail, raw, event_data, topic, partition, incarnation, "offset", event_time, record_timestamp)
       ON CONFLICT (topic, partition, incarnation, "offset") DO NOTHING
       RETURNING anomaly_day(event_time, record_timestamp, created_at) AS day)
       SELECT DISTINCT day::text AS day FROM inserted`,
      [
        anomalies.map((anomaly) => anomaly.reason),
        anomalies.map((anomaly) => anomaly.detail),
        anomalies.map((anomaly) => anomaly.raw),
        anomalies.map((anomaly) => anomaly.eventData),
        anomalies.map((anomaly) => anomaly.topic),
        anomalies.map((anomaly) => anomaly.partition),
        anomalies.map((anomaly) => anomaly.incarnation),
        anomalies.map((anomaly) => anomaly.offset),
        anomalies.map(({ eventTime }) => (eventTime === null ? null : timestampLiteral(eventTime))),
        anomalies.map(({ recordTimestamp }) =>
          recordTimestamp === null ? null : timestampLiteral(recordTimestamp * 1000),
        ),
      ],
    );
    return days.map(({ day }) => day);
  }
}
