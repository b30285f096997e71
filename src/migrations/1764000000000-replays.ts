import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What happens to anomalies after they were set aside, one by one and in bulk. */
export class Replays1764000000000 implements MigrationInterface {
  name = 'Replays1764000000000';

  async up(db: QueryRunner): Promise<void> {
    // What was counted in place of the record: the corrected event, NULL when that is the record as it is. With its time,
    // by which a rebuild of windows from the log finds it.
    await db.query(
      `ALTER TABLE anomalies ADD COLUMN applied_event bytea, ADD COLUMN applied_event_time timestamptz`,
    );
    await db.query(
      `CREATE INDEX anomalies_applied ON anomalies (applied_event_time) WHERE applied_event_time IS NOT NULL`,
    );

    // Without the first entry, that it was set aside: the anomaly's own row says so. No foreign key: people may truncate
    // anomalies, as they may every other table.
    await db.query(`
      CREATE TABLE anomaly_history (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        anomaly_id bigint NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        actor varchar(255) NOT NULL,
        action varchar(20) NOT NULL CHECK (action IN ('replay', 'discard')),
        outcome varchar(255) NOT NULL,
        detail text
      )`);
    await db.query(`CREATE INDEX anomaly_history_by_anomaly ON anomaly_history (anomaly_id, id)`);

    // Not in ingest_partitions: the log still holds an anomaly there, and a replay must not wait for a flush.
    await db.query(`
      CREATE TABLE replay_counters (
        topic varchar(249) NOT NULL,
        partition integer NOT NULL,
        applied bigint NOT NULL DEFAULT 0,
        rejected bigint NOT NULL DEFAULT 0,
        discarded bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (topic, partition)
      )`);

    // How the newest events of each partition came out, as its owner sees it.
    await db.query(`
      ALTER TABLE ingest_partitions
        ADD COLUMN recent_events integer, ADD COLUMN recent_invalid integer, ADD COLUMN recent_reason varchar(255)`);

    // A job, its cursor and its results. Each chunk moves cursor_id on with what it applies, in one transaction.
    await db.query(`
      CREATE TABLE replays (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source varchar(20) NOT NULL CHECK (source IN ('anomalies', 'log')),
        status varchar(20) NOT NULL DEFAULT 'planned'
          CHECK (status IN ('planned', 'running', 'succeeded', 'failed', 'cancelled')),
        dry_run boolean NOT NULL,
        filter jsonb NOT NULL,
        patch jsonb,
        rate_per_second integer NOT NULL,
        force boolean NOT NULL,
        max_id bigint NOT NULL,
        cursor_id bigint NOT NULL DEFAULT 0,
        total bigint NOT NULL,
        applied bigint NOT NULL DEFAULT 0,
        rejected bigint NOT NULL DEFAULT 0,
        by_reason jsonb NOT NULL DEFAULT '{}',
        error text,
        requested_by varchar(255) NOT NULL,
        next_chunk_at timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz
      )`);
    await db.query(`CREATE INDEX replays_open ON replays (id) WHERE status IN ('planned', 'running')`);
    await db.query(`
      CREATE TABLE replay_changes (
        replay_id bigint NOT NULL REFERENCES replays ON DELETE CASCADE,
        metric_type varchar(50) COLLATE "C" NOT NULL,
        metric_key varchar(100) COLLATE "C" NOT NULL,
        window_start timestamptz NOT NULL,
        before double precision NOT NULL,
        after double precision NOT NULL,
        PRIMARY KEY (replay_id, window_start, metric_type, metric_key)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE replay_changes, replays, replay_counters, anomaly_history`);
    await db.query(`
      ALTER TABLE ingest_partitions DROP COLUMN recent_events, DROP COLUMN recent_invalid, DROP COLUMN recent_reason`);
    await db.query(`ALTER TABLE anomalies DROP COLUMN applied_event, DROP COLUMN applied_event_time`);
  }
}
