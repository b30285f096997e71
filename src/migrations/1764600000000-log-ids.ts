import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Checkpoints know which log they are of: Kafka's topic id, since offsets do not tell a topic from one that was created anew by the
 * same name. Null until the next claim, which takes the log that is there then.
 */
export class LogIds1764600000000 implements MigrationInterface {
  name = 'LogIds1764600000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE ingest_partitions ADD COLUMN log_id varchar(64)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE ingest_partitions DROP COLUMN log_id`);
  }
}
