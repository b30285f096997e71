import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each partition knows of its last event ids, so that a repeat is known after a restart too. See ingestion/core/recent-ids.ts. */
export class RecentEventIds1764700000000 implements MigrationInterface {
  name = 'RecentEventIds1764700000000';

  async up(db: QueryRunner): Promise<void> {
    // A row or more for each flush that has brought any. ids: hash and stamp of each, 12 bytes; stamps are milliseconds after `since`.
    // Ids are numbered by partition, `until_seq` follows the last one of the row; those before the `first_seq` of the last row
    // are forgotten.
    await db.query(`
      CREATE TABLE recent_event_ids (
        topic varchar(249) NOT NULL,
        partition integer NOT NULL,
        until_seq bigint NOT NULL,
        first_seq bigint NOT NULL,
        since bigint NOT NULL,
        ids bytea NOT NULL,
        PRIMARY KEY (topic, partition, until_seq)
      )`);
    // Hashes cannot be made any smaller: it would only take time to try.
    await db.query(`ALTER TABLE recent_event_ids ALTER COLUMN ids SET STORAGE EXTERNAL`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE recent_event_ids`);
  }
}
