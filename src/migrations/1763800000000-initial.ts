import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables of the main job: window metrics, anomalies, checkpoints with their ledger, and the embedded log. */
export class Initial1763800000000 implements MigrationInterface {
  name = 'Initial1763800000000';

  async up(db: QueryRunner): Promise<void> {
    // The one place where a metric's value is derived from its integer sums; the flush, replays and rebuilds call it.
    // sum_micros: megabytes × 1e6 for data sessions, amount × 1e6 for recharges, 0 for everything that is only counted.
    await db.query(`
      CREATE FUNCTION metric_value_of(metric_type text, metric_key text, event_count bigint, sum_micros numeric)
      RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE
          WHEN metric_type = 'event_type_agg' AND (metric_key = 'data_session' OR starts_with(metric_key, 'data_session_'))
            THEN (sum_micros / 1024000000)::double precision
          WHEN metric_type = 'event_type_agg' AND (metric_key = 'balance_recharge' OR starts_with(metric_key, 'balance_recharge_'))
            THEN (sum_micros / 1000000)::double precision
          ELSE event_count::double precision
        END
      $$`);

    await db.query(`
      CREATE TABLE real_time_metrics (
        window_start timestamptz NOT NULL,
        window_end timestamptz NOT NULL,
        metric_type varchar(50) COLLATE "C" NOT NULL,
        metric_key varchar(100) COLLATE "C" NOT NULL,
        metric_value double precision NOT NULL,
        event_count bigint NOT NULL,
        late_events bigint NOT NULL DEFAULT 0,
        sum_micros numeric(38, 0) NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (metric_type, metric_key, window_start)
      ) WITH (fillfactor = 80)`);
    await db.query(
      `CREATE INDEX real_time_metrics_by_window ON real_time_metrics (window_start, metric_type, metric_key)`,
    );

    await db.query(`
      CREATE TABLE anomalies (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_data jsonb,
        reason varchar(255) NOT NULL,
        detail text NOT NULL,
        raw bytea,
        topic varchar(249) NOT NULL,
        partition integer NOT NULL,
        incarnation integer NOT NULL,
        "offset" bigint NOT NULL,
        event_time timestamptz,
        record_timestamp timestamptz,
        status varchar(20) NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'replayed', 'discarded')),
        attempts integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (topic, partition, incarnation, "offset")
      )`);
    await db.query(`CREATE INDEX anomalies_by_reason ON anomalies (reason, id)`);
    await db.query(`CREATE INDEX anomalies_by_created_at ON anomalies (created_at, reason, status)`);

    await db.query(`
      CREATE TABLE ingest_partitions (
        topic varchar(249) NOT NULL,
        partition integer NOT NULL,
        incarnation integer NOT NULL DEFAULT 1,
        epoch bigint NOT NULL DEFAULT 0,
        owner varchar(255),
        claimed_at timestamptz,
        next_offset bigint NOT NULL,
        newest_event_time timestamptz,
        consumed bigint NOT NULL DEFAULT 0,
        counted bigint NOT NULL DEFAULT 0,
        late_counted bigint NOT NULL DEFAULT 0,
        anomalies bigint NOT NULL DEFAULT 0,
        duplicates bigint NOT NULL DEFAULT 0,
        skipped bigint NOT NULL DEFAULT 0,
        high_watermark bigint,
        caught_up_since timestamptz,
        seen_at timestamptz,
        events_per_second double precision NOT NULL DEFAULT 0,
        last_flush_at timestamptz,
        last_flush_ms double precision,
        halted_at timestamptz,
        halted_reason varchar(50),
        halted_detail text,
        PRIMARY KEY (topic, partition)
      ) WITH (fillfactor = 50)`);

    await db.query(`
      CREATE TABLE event_log (
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        payload bytea,
        appended_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (partition, "offset")
      )`);
    await db.query(`
      CREATE TABLE event_log_partitions (
        partition integer PRIMARY KEY,
        low_offset bigint NOT NULL DEFAULT 0,
        next_offset bigint NOT NULL DEFAULT 0
      )`);
    await db.query(`INSERT INTO event_log_partitions (partition) VALUES (0)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(
      `DROP TABLE event_log_partitions, event_log, ingest_partitions, anomalies, real_time_metrics`,
    );
    await db.query(`DROP FUNCTION metric_value_of`);
  }
}
