import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a rebuild of windows from the log has to know, and what it says of itself. */
export class LogReplays1764200000000 implements MigrationInterface {
  name = 'LogReplays1764200000000';

  async up(db: QueryRunner): Promise<void> {
    // Where the partition's log was first read, in this incarnation of it; and the newest event of earlier incarnations,
    // whose records cannot be read any more.
    await db.query(`
      ALTER TABLE ingest_partitions
        ADD COLUMN first_offset bigint NOT NULL DEFAULT 0, ADD COLUMN earlier_event_time timestamptz`);
    await db.query(`UPDATE ingest_partitions SET first_offset = greatest(0, next_offset - consumed)`);

    await db.query(`
      ALTER TABLE replays
        ADD COLUMN records_read bigint NOT NULL DEFAULT 0, ADD COLUMN ingestion_paused_ms double precision`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE replays DROP COLUMN records_read, DROP COLUMN ingestion_paused_ms`);
    await db.query(`ALTER TABLE ingest_partitions DROP COLUMN first_offset, DROP COLUMN earlier_event_time`);
  }
}
