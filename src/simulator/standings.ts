import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction } from '../database/transaction.js';
import { ledgerFields, type LedgerCounts } from './core/expected-ledger.js';

/** The pipeline's checkpoint of a partition. */
export interface Standing {
  readonly incarnation: number;
  readonly nextOffset: bigint;
  /** Epoch microseconds; null before the first event that counted. */
  readonly newestEventTime: number | null;
  readonly ledger: LedgerCounts;
}

interface StandingRow {
  partition: number;
  incarnation: number;
  next_offset: string;
  newest_micros: string | null;
  ledger: LedgerCounts;
}

/** The ledger's columns as one value. */
export const LEDGER = `jsonb_build_object(${ledgerFields.map((field) => `'${field}', ${field}`).join(', ')})`;

/**
 * `metric_value` of a window, by its documentation rather than by the function that the pipeline uses: gigabytes of data, the
 * amount of recharges, the count of all else.
 */
export const METRIC_VALUE = `
  (CASE WHEN metric_type = 'event_type_agg' AND metric_key ~ '^data_session(_|$)' THEN sum_micros / 1e6 / 1024
        WHEN metric_type = 'event_type_agg' AND metric_key ~ '^balance_recharge(_|$)' THEN sum_micros / 1e6
        ELSE event_count END)::double precision`;

/** How the partitions of a topic stand, by their number. */
export async function standingsOf(
  topic: string,
  reader: Pick<EntityManager, 'query'>,
): Promise<ReadonlyMap<number, Standing>> {
  const rows: StandingRow[] = await reader.query(
    `SELECT partition, incarnation, next_offset, (extract(epoch FROM newest_event_time) * 1000000)::bigint AS newest_micros,
            ${LEDGER} AS ledger
       FROM ingest_partitions WHERE topic = $1`,
    [topic],
  );
  return new Map(
    rows.map((row) => [
      row.partition,
      {
        incarnation: row.incarnation,
        nextOffset: BigInt(row.next_offset),
        newestEventTime: row.newest_micros === null ? null : Number(row.newest_micros),
        ledger: row.ledger,
      },
    ]),
  );
}

/** Whether a later run has noted what the windows held when it began: for earlier ones that is not known any more then. */
export async function isSuperseded(runId: string, reader: Pick<EntityManager, 'query'>): Promise<boolean> {
  const later: unknown[] = await reader.query(
    `SELECT FROM simulator_run_partitions WHERE run_id > $1 LIMIT 1`,
    [runId],
  );
  return later.length > 0;
}

/** How many runs with the same seed there were before this one. */
export async function earlierRuns(
  runId: string,
  seed: number,
  reader: Pick<EntityManager, 'query'>,
): Promise<number> {
  const [row]: { runs: string }[] = await reader.query(
    `SELECT count(*) AS runs FROM simulator_runs WHERE seed = $1 AND id < $2`,
    [seed, runId],
  );
  return Number(row?.runs);
}

/** All questions of the work see the database as it is at one moment. */
export function inSnapshot<T>(
  database: DataSource,
  work: (snapshot: EntityManager) => Promise<T>,
): Promise<T> {
  return inTransaction(database, async (snapshot) => {
    await snapshot.query(`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`);
    return work(snapshot);
  });
}
