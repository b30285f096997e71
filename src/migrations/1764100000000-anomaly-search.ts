import { Logger } from '@nestjs/common';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Anomalies of one statement while old ones get their texts: one that takes minutes would be ended by its time limit. */
const ANOMALIES_AT_ONCE = 20_000;

/** What lists, summaries, replays and searches of many anomalies stand on. */
export class AnomalySearch1764100000000 implements MigrationInterface {
  name = 'AnomalySearch1764100000000';

  async up(db: QueryRunner): Promise<void> {
    // Lists are ordered by created_at, id. A filter by reason or status alone merges the ranges of the closed list of the
    // other, so that one index serves all of them. It has the time as another expression than anomalies_by_time: the planner,
    // who takes reasons and statuses for spread evenly over time, cannot then read all of that one instead in search of a
    // status that has become rare. See anomalies/anomaly-source.ts. created_at itself lets a summary read only the index.
    await db.query(`CREATE INDEX anomalies_by_time ON anomalies (created_at, id)`);
    await db.query(
      `CREATE INDEX anomalies_by_reason_status ON anomalies (reason, status, (created_at AT TIME ZONE 'UTC'), id) INCLUDE (created_at)`,
    );
    // Replays go by id through what is still new; what is not would be in their way.
    await db.query(`CREATE INDEX anomalies_new ON anomalies (reason, id) WHERE status = 'new'`);
    await db.query(`DROP INDEX anomalies_by_reason, anomalies_by_created_at`);
    if (await canHaveTrigrams(db)) await addTexts(db);
  }

  async down(db: QueryRunner): Promise<void> {
    // The extension stays: something else may use it by now.
    await db.query(`DROP TRIGGER IF EXISTS anomaly_texts_insert ON anomalies`);
    await db.query(`DROP TRIGGER IF EXISTS anomaly_texts_update ON anomalies`);
    await db.query(`DROP TRIGGER IF EXISTS anomaly_texts_delete ON anomalies`);
    await db.query(`DROP TRIGGER IF EXISTS anomaly_texts_truncate ON anomalies`);
    await db.query(`DROP TABLE IF EXISTS anomaly_texts`);
    for (const name of ['insert', 'update', 'delete', 'truncate'])
      await db.query(`DROP FUNCTION IF EXISTS anomaly_texts_${name}`);
    await db.query(`DROP FUNCTION IF EXISTS anomaly_trigrams`);
    await db.query(`DROP FUNCTION IF EXISTS anomaly_text`);
    await db.query(`CREATE INDEX anomalies_by_reason ON anomalies (reason, id)`);
    await db.query(`CREATE INDEX anomalies_by_created_at ON anomalies (created_at, reason, status)`);
    await db.query(`DROP INDEX anomalies_by_time, anomalies_by_reason_status, anomalies_new`);
  }
}

/**
 * pg_trgm comes with PostgreSQL, and the owner of a database may add it; but some servers leave it out, or forbid it.
 * Searching then reads anomalies instead of an index.
 */
async function canHaveTrigrams(db: QueryRunner): Promise<boolean> {
  await db.query('SAVEPOINT extension');
  try {
    await db.query('CREATE EXTENSION IF NOT EXISTS pg_trgm');
    await db.query(`SELECT show_trgm('is it on the search path, too?')`);
    await db.query('RELEASE SAVEPOINT extension');
    return true;
  } catch (error) {
    await db.query('ROLLBACK TO SAVEPOINT extension');
    new Logger('Database').warn(
      `The extension pg_trgm cannot be used (${(error as Error).message}): q of GET /anomalies goes through anomalies a part a page`,
    );
    return false;
  }
}

async function addTexts(db: QueryRunner): Promise<void> {
  // A row for up to 16 anomalies that were set aside together. One for each would make a flush several times slower, and
  // the index three times as large; 16 still tell a number of 8 digits apart. Not in anomalies itself, where each change
  // of a status would write the trigrams once more. The text is only there for its index, so it stays out of the rows.
  await db.query(`
    CREATE TABLE anomaly_texts (
      created_at timestamptz NOT NULL,
      first_id bigint NOT NULL,
      last_id bigint NOT NULL,
      ids bigint[] NOT NULL,
      text text COLLATE "C" NOT NULL
    ) WITH (toast_tuple_target = 128)`);
  await db.query(`CREATE INDEX anomaly_texts_by_time ON anomaly_texts (created_at, first_id)`);
  // Over show_trgm instead of gin_trgm_ops, whose every hit has to be compared with the text again. In PL/pgSQL, which is
  // not inlined, so that its cost tells the planner to ask the index and never to take the trigrams of rows. With the
  // schema, for maintenance of an index has a search path of its own.
  const [extension]: { schema: string }[] = (await db.query(
    `SELECT extnamespace::regnamespace::text AS schema FROM pg_extension WHERE extname = 'pg_trgm'`,
  )) as never;
  await db.query(`
    CREATE FUNCTION anomaly_trigrams(text text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000000
    AS $$ BEGIN RETURN ${extension?.schema ?? 'public'}.show_trgm(text); END $$`);
  await db.query(`CREATE INDEX anomaly_texts_trigrams ON anomaly_texts USING gin (anomaly_trigrams(text))`);
  // ANALYZE would take the trigrams of 30,000 rows, for nothing.
  await db.query(`ALTER INDEX anomaly_texts_trigrams ALTER COLUMN 1 SET STATISTICS 0`);

  // What q looks through: anomalies/search-condition.ts says what exactly. Bytes beyond ASCII as \\ooo, so that words are the
  // same in every locale; lower case here, for show_trgm's own is that of the locale.
  await db.query(String.raw`
    CREATE FUNCTION anomaly_text(detail text, raw bytea, event_data jsonb) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
      SELECT lower((
        encode(convert_to(detail, 'UTF8'), 'escape')
        || coalesce(E'\n' || encode(substr(raw, 1, 8192), 'escape'), '')
        || CASE WHEN event_data IS NOT NULL AND (raw IS NULL OR octet_length(raw) <= 8192 AND position('\x5c75'::bytea IN raw) > 0)
             THEN E'\n' || encode(convert_to(left(event_data::text, 8192), 'UTF8'), 'escape') ELSE '' END
      ) COLLATE "C")
    $$`);
  // Triggers, so that what other programs write is found as well, and nobody has to think of it.
  await db.query(
    trigger(
      'insert',
      'REFERENCING NEW TABLE AS added FOR EACH STATEMENT',
      insertTexts('SELECT * FROM added'),
    ),
  );
  // What was there stays there, too: it points to an anomaly that no longer has the text, and is not shown.
  await db.query(
    trigger(
      'update',
      'FOR EACH ROW',
      insertTexts('SELECT NEW.*'),
      'UPDATE OF detail, raw, event_data, created_at',
    ),
  );
  await db.query(
    trigger(
      'delete',
      'REFERENCING OLD TABLE AS gone FOR EACH STATEMENT',
      `DELETE FROM anomaly_texts AS texts
        USING (SELECT created_at, min(id) AS first_id, max(id) AS last_id FROM gone GROUP BY created_at) AS gone
        WHERE texts.created_at = gone.created_at AND texts.last_id >= gone.first_id AND texts.first_id <= gone.last_id
          AND NOT EXISTS (SELECT FROM anomalies WHERE id = ANY (texts.ids))`,
    ),
  );
  await db.query(trigger('truncate', 'FOR EACH STATEMENT', 'TRUNCATE anomaly_texts'));

  const [newest]: { id: string | null }[] = (await db.query(`SELECT max(id) AS id FROM anomalies`)) as never;
  for (let after = 0; after < Number(newest?.id ?? 0); after += ANOMALIES_AT_ONCE) {
    await db.query(
      insertTexts(`SELECT * FROM anomalies WHERE id > ${after} AND id <= ${after + ANOMALIES_AT_ONCE}`),
    );
  }
}

/** @param anomalies a query for rows of the table */
const insertTexts = (anomalies: string): string => `
  INSERT INTO anomaly_texts (created_at, first_id, last_id, ids, text)
  SELECT created_at, min(id), max(id), array_agg(id), string_agg(anomaly_text(detail, raw, event_data), E'\\n')
    FROM (SELECT *, (row_number() OVER (PARTITION BY created_at ORDER BY id) - 1) / 16 AS part FROM (${anomalies}) AS chosen) AS numbered
   GROUP BY created_at, part`;

/** A trigger of `anomalies` that keeps `anomaly_texts` up to date, with its function. */
const trigger = (name: string, each: string, statement: string, event = name.toUpperCase()): string => `
  CREATE FUNCTION anomaly_texts_${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN NULL; END $$;
  CREATE TRIGGER anomaly_texts_${name} AFTER ${event} ON anomalies ${each} EXECUTE FUNCTION anomaly_texts_${name}()`;
