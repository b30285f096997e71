import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Daily statistics: the table by month, the runs that build it, and what tells which days are to be built. */
export class DailyStats1763900000000 implements MigrationInterface {
  name = 'DailyStats1763900000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE daily_stats (
        stat_date date NOT NULL,
        metric_type varchar(50) COLLATE "C" NOT NULL,
        metric_key varchar(255) COLLATE "C" NOT NULL,
        metric_value double precision NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (stat_date, metric_type, metric_key)
      ) PARTITION BY RANGE (stat_date)`);

    // The day an anomaly belongs to: that of its event. An event does not happen after its record was written, nor a
    // record after it was read, so a clock far ahead moves no anomaly into the future; least() passes over NULLs.
    await db.query(`
      CREATE FUNCTION anomaly_day(event_time timestamptz, record_timestamp timestamptz, created_at timestamptz)
      RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT (least(event_time, record_timestamp, created_at) AT TIME ZONE 'UTC')::date
      $$`);
    await db.query(
      `CREATE INDEX anomalies_by_day ON anomalies (anomaly_day(event_time, record_timestamp, created_at), reason)`,
    );

    // One row per UTC day. version: how many flushes have changed its windows or anomalies; built_version: the version
    // that daily_stats shows, NULL when it was never built. A day is stale while version > built_version.
    await db.query(`
      CREATE TABLE stat_days (
        stat_date date PRIMARY KEY,
        version bigint NOT NULL DEFAULT 1,
        built_version bigint,
        built_at timestamptz,
        stale_since timestamptz
      ) WITH (fillfactor = 50)`);
    await db.query(`
      INSERT INTO stat_days (stat_date)
      SELECT (window_start AT TIME ZONE 'UTC')::date FROM real_time_metrics
      UNION
      SELECT anomaly_day(event_time, record_timestamp, created_at) FROM anomalies`);

    // Both the history of the batch and its queue: a row that waits is run by whichever replica comes first.
    await db.query(`
      CREATE TABLE batch_runs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        stat_date date NOT NULL,
        trigger varchar(20) NOT NULL CHECK (trigger IN ('manual', 'scheduled', 'stale', 'catch_up', 'backfill')),
        status varchar(20) NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'running', 'succeeded', 'failed')),
        attempts integer NOT NULL DEFAULT 0,
        interruptions integer NOT NULL DEFAULT 0,
        not_before timestamptz NOT NULL DEFAULT now(),
        rows integer,
        error text,
        owner varchar(255),
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz
      )`);
    await db.query(
      `CREATE UNIQUE INDEX batch_runs_open ON batch_runs (stat_date) WHERE status IN ('waiting', 'running')`,
    );
    await db.query(`CREATE INDEX batch_runs_by_date ON batch_runs (stat_date, id)`);

    await db.query(`
      CREATE TABLE batch_control (
        singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        paused_at timestamptz
      )`);
    await db.query(`INSERT INTO batch_control DEFAULT VALUES`);

    // What retention has deleted, by day: a day that changes after that is still built from all of its data.
    await db.query(`
      CREATE TABLE expired_totals (
        stat_date date NOT NULL,
        source varchar(50) COLLATE "C" NOT NULL,
        key varchar(255) COLLATE "C" NOT NULL,
        event_count bigint NOT NULL,
        sum_micros numeric(38, 0) NOT NULL,
        PRIMARY KEY (stat_date, source, key)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE expired_totals, batch_control, batch_runs, stat_days, daily_stats`);
    await db.query(`DROP INDEX anomalies_by_day`);
    await db.query(`DROP FUNCTION anomaly_day`);
  }
}
