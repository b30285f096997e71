import type { Conditions } from '../http/core/conditions.js';
import { likeAnywhere } from '../http/core/conditions.js';
import { escapeForm } from './core/trigrams.js';

/** So much of a record is searched, in bytes; `anomaly_text` of the migration indexes the same. */
export const SEARCHED_BYTES = 8192;

const RECORD = `substr(raw, 1, ${SEARCHED_BYTES})`;

/**
 * Whether an anomaly holds a text: in its detail, in its record, or in what the record has written as `\uXXXX`, for which
 * event_data is looked through.
 *
 * The record may be anything, so its bytes are read as Latin-1, which has a character for each. PostgreSQL has none for
 * NUL: a record with NULs is read in the escape form. In both, and by the collation, case is ignored for the letters of
 * ASCII, on every server.
 */
export function searchCondition(sql: Conditions, text: string): string {
  const bytes = Buffer.from(text);
  const pattern = sql.parameter(likeAnywhere(text));
  const latin = sql.parameter(likeAnywhere(bytes.toString('latin1')));
  const escaped = sql.parameter(likeAnywhere(escapeForm(bytes)));
  return String.raw`(detail COLLATE "C" ILIKE ${pattern}
    OR CASE WHEN position('\x00'::bytea IN ${RECORD}) = 0
         THEN convert_from(${RECORD}, 'LATIN1') COLLATE "C" ILIKE ${latin}
         ELSE encode(${RECORD}, 'escape') COLLATE "C" ILIKE ${escaped} END
    OR (event_data IS NOT NULL
        AND (raw IS NULL OR (octet_length(raw) <= ${SEARCHED_BYTES} AND position('\x5c75'::bytea IN raw) > 0))
        AND left(event_data::text, ${SEARCHED_BYTES}) COLLATE "C" ILIKE ${pattern}))`;
}
