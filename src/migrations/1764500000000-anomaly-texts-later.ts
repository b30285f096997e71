import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Takes the trigrams of anomalies after they are stored. That is most of the work of storing them: within a flush it held up
 * ingestion. See anomalies/anomaly-texts.service.ts.
 */
export class AnomalyTextsLater1764500000000 implements MigrationInterface {
  name = 'AnomalyTextsLater1764500000000';

  async up(db: QueryRunner): Promise<void> {
    if (!(await hasTexts(db))) {
      await db.query(`CREATE FUNCTION anomaly_texts_next() RETURNS boolean LANGUAGE sql AS 'SELECT false'`);
      return;
    }
    // So many anomalies that a turn takes some 30 ms. With the times beside the ids: those of flushes that run together lie among
    // each other.
    await db.query(`
      CREATE TABLE anomaly_texts_pending (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        first_at timestamptz NOT NULL,
        last_at timestamptz NOT NULL,
        first_id bigint NOT NULL,
        last_id bigint NOT NULL
      )`);
    await onInsert(
      db,
      `INSERT INTO anomaly_texts_pending (first_at, last_at, first_id, last_id)
       SELECT min(created_at), max(created_at), min(id), max(id)
         FROM (SELECT id, created_at, (row_number() OVER (ORDER BY id) - 1) / 512 AS part FROM added) AS numbered
        GROUP BY part`,
    );
    await db.query(`
      CREATE FUNCTION anomaly_texts_next() RETURNS boolean LANGUAGE plpgsql AS $$
      DECLARE pending anomaly_texts_pending;
      BEGIN
        DELETE FROM anomaly_texts_pending
         WHERE id = (SELECT id FROM anomaly_texts_pending ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING * INTO pending;
        IF NOT FOUND THEN RETURN false; END IF;
        ${insertTexts(`
          SELECT * FROM anomalies WHERE id BETWEEN pending.first_id AND pending.last_id
             AND created_at BETWEEN pending.first_at AND pending.last_at`)};
        RETURN true;
      END $$`);
    await db.query(`
      CREATE OR REPLACE FUNCTION anomaly_texts_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN TRUNCATE anomaly_texts, anomaly_texts_pending; RETURN NULL; END $$`);
  }

  async down(db: QueryRunner): Promise<void> {
    if (!(await hasTexts(db))) {
      await db.query(`DROP FUNCTION anomaly_texts_next`);
      return;
    }
    for (let left = true; left;) {
      const [next]: { left: boolean }[] = (await db.query(`SELECT anomaly_texts_next() AS left`)) as never;
      left = next?.left ?? false;
    }
    await onInsert(db, insertTexts('SELECT * FROM added'));
    await db.query(`
      CREATE OR REPLACE FUNCTION anomaly_texts_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN TRUNCATE anomaly_texts; RETURN NULL; END $$`);
    await db.query(`DROP FUNCTION anomaly_texts_next`);
    await db.query(`DROP TABLE anomaly_texts_pending`);
  }
}

async function hasTexts(db: QueryRunner): Promise<boolean> {
  const rows = (await db.query(`SELECT 1 WHERE to_regclass('anomaly_texts') IS NOT NULL`)) as unknown[];
  return rows.length > 0;
}

const onInsert = (db: QueryRunner, statement: string): Promise<unknown> =>
  db.query(`
    CREATE OR REPLACE FUNCTION anomaly_texts_insert() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN ${statement}; RETURN NULL; END $$`);

/** @param anomalies a query for rows of the table */
const insertTexts = (anomalies: string): string => `
  INSERT INTO anomaly_texts (created_at, first_id, last_id, ids, text)
  SELECT created_at, min(id), max(id), array_agg(id), string_agg(anomaly_text(detail, raw, event_data), E'\\n')
    FROM (SELECT *, (row_number() OVER (PARTITION BY created_at ORDER BY id) - 1) / 16 AS part FROM (${anomalies}) AS chosen) AS numbered
   GROUP BY created_at, part`;
