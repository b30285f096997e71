import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a rebuild of windows from the log has to know, and what it says of itself. */
export class LogReplays1764200000000 implements MigrationInterface {
  name = 'LogReplays1764200000000';

  async up(db: QueryRunner): Promise<void> {
    // Where the partition's log was first read, in this incarnation of it; the newest event of earlier incarnations, whose
    // records cannot be read any more; and the offset behind the last record without a timestamp, which no look for a time
    // finds.
    await db.query(`
      ALTER TABLE ingest_partitions
        ADD COLUMN first_offset bigint NOT NULL DEFAULT 0, ADD COLUMN earlier_event_time timestamptz,
        ADD COLUMN untimed_until bigint NOT NULL DEFAULT 0`);
    // What was read before this is only known for sure where it began at 0, and had no gap.
    await db.query(`
      UPDATE ingest_partitions SET earlier_event_time = newest_event_time, first_offset = next_offset
       WHERE incarnation > 1 OR next_offset <> consumed`);
    await db.query(`UPDATE ingest_partitions SET untimed_until = next_offset WHERE topic <> 'event_log'`);

    await db.query(`
      ALTER TABLE replays
        ADD COLUMN records_read bigint NOT NULL DEFAULT 0, ADD COLUMN ingestion_paused_ms double precision`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE replays DROP COLUMN records_read, DROP COLUMN ingestion_paused_ms`);
    await db.query(
      `ALTER TABLE ingest_partitions DROP COLUMN first_offset, DROP COLUMN earlier_event_time, DROP COLUMN untimed_until`,
    );
  }
}
